"""Packages of Alpine and its relatives: apk's `installed` (apk-v2 format, "Installed Database V2")."""

from collections.abc import Iterator

from caisson.provenance.component import Component
from caisson.provenance.packages.distribution import Distribution
from caisson.provenance.packages.fields import paragraphs

INSTALLED = frozenset({"/lib/apk/db/installed", "/usr/lib/apk/db/installed"})


def read_apk(text: str, *, location: str, distribution: Distribution) -> Iterator[Component]:
    """Give the packages that are installed."""
    for fields in paragraphs(text):
        name, version, origin = fields.get("P"), fields.get("V"), fields.get("o", "")
        if name and version:
            yield Component.of(
                "apk",
                name,
                version,
                namespace=distribution.id or "alpine",
                location=location,
                licence=fields.get("L", ""),
                qualifiers={
                    "arch": fields.get("A", ""),
                    "distro": distribution.qualifier,
                    "upstream": origin if origin != name else "",
                },
            )
