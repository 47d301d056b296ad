"""A package that an image says it contains."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from packageurl import PackageURL


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Component:
    """One package: its name for everyone (purl), and the file in the image that tells of it.

    `licence` is what the package says of itself, in its own words.
    """

    purl: str
    name: str
    version: str
    location: str
    licence: str = ""

    @classmethod
    def of(
        cls,
        kind: str,
        name: str,
        version: str,
        *,
        location: str,
        namespace: str = "",
        licence: str = "",
        qualifiers: Mapping[str, str] | None = None,
    ) -> Self:
        """Describe a package; `kind` is a type of package URL (https://github.com/package-url/purl-spec)."""
        given = {key: value for key, value in (qualifiers or {}).items() if value}
        purl = PackageURL(type=kind, namespace=namespace or None, name=name, version=version, qualifiers=given)
        return cls(purl=purl.to_string(), name=name, version=version, location=location, licence=licence)
