"""Python packages: the metadata that installers leave beside them (Core Metadata)."""

import posixpath
import re
from collections.abc import Iterator

from caisson.provenance.component import Component
from caisson.provenance.packages.fields import paragraphs

_INSTALLED = ("/site-packages", "/dist-packages")
_SEPARATORS = re.compile(r"[-_.]+")


def is_metadata(path: str) -> bool:
    """Tell whether a file describes a Python package that is installed."""
    above, name = posixpath.split(path)
    return (
        (name == "METADATA" and above.endswith(".dist-info"))
        or (name == "PKG-INFO" and above.endswith(".egg-info"))
        or (name.endswith(".egg-info") and above.endswith(_INSTALLED))
    )


def read_python(text: str, *, location: str) -> Iterator[Component]:
    """Give the package; its name is normalised (PEP 503), as package URLs want it."""
    fields = next(paragraphs(text), {})
    name, version = fields.get("Name"), fields.get("Version")
    if name and version:
        licence = fields.get("License-Expression") or fields.get("License", "")
        yield Component.of("pypi", _SEPARATORS.sub("-", name).lower(), version, location=location, licence=licence)
