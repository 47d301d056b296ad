"""Packages of Debian and its children: dpkg's `status`, or a file for each package, as in distroless images."""

from collections.abc import Iterator

from caisson.provenance.component import Component
from caisson.provenance.packages.distribution import Distribution
from caisson.provenance.packages.fields import paragraphs

STATUS = "/var/lib/dpkg/status"
STATUS_DIRECTORY = "/var/lib/dpkg/status.d/"

_ABSENT = frozenset({"not-installed", "config-files"})


def is_status(path: str) -> bool:
    """Tell whether a file describes packages of dpkg's."""
    return path == STATUS or (path.startswith(STATUS_DIRECTORY) and not path.endswith(".md5sums"))


def read_dpkg(text: str, *, location: str, distribution: Distribution) -> Iterator[Component]:
    """Give the packages whose files are there; a file without a `Status` tells of one that is."""
    for fields in paragraphs(text):
        name, version = fields.get("Package"), fields.get("Version")
        state = fields.get("Status", "").rpartition(" ")[2]
        if not name or not version or state in _ABSENT:
            continue
        source = fields.get("Source", "").partition(" ")[0]
        yield Component.of(
            "deb",
            name,
            version,
            namespace=distribution.id or "debian",
            location=location,
            qualifiers={
                "arch": fields.get("Architecture", ""),
                "distro": distribution.qualifier,
                "upstream": source if source != name else "",
            },
        )
