"""Packages of npm: a `package.json` for each directory of `node_modules`."""

import re
from collections.abc import Iterator

from caisson.errors import Malformed
from caisson.oci import document
from caisson.provenance.component import Component

_PACKAGE = re.compile(r".*/node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json")


def is_package(path: str) -> bool:
    """Tell whether a file describes a package that is installed; packages have other files of that name, too."""
    return _PACKAGE.fullmatch(path) is not None


def read_npm(raw: bytes, *, location: str) -> Iterator[Component]:
    """Give the package, if the file names one.

    Raises:
        Malformed: not a JSON object.
    """
    value = document.decode(raw, what="package.json")
    if not isinstance(value, dict):
        raise Malformed("package.json is not an object")
    name, version, licence = value.get("name"), value.get("version"), value.get("license")
    if not isinstance(name, str) or not isinstance(version, str) or not name or not version:
        return
    scope, _, short = name.rpartition("/")
    if isinstance(licence, dict):
        licence = licence.get("type")
    yield Component.of(
        "npm",
        short,
        version,
        namespace=scope,
        location=location,
        licence=licence if isinstance(licence, str) else "",
    )
