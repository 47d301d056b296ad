"""A package that an image says it contains."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from packageurl import PackageURL

from caisson.errors import Malformed


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
        """Describe a package; `kind` is a type of package URL (https://github.com/package-url/purl-spec).

        Raises:
            Malformed: name or version cannot be part of a package URL.
        """
        given = {key: value for key, value in (qualifiers or {}).items() if value}
        try:
            purl = PackageURL(type=kind, namespace=namespace or None, name=name, version=version, qualifiers=given)
            text = purl.to_string()
        except (ValueError, TypeError) as cause:  # the latter for names of which normalising leaves nothing
            raise Malformed(f"a package has the name {name[:60]!r} and the version {version[:60]!r}") from cause
        return cls(purl=text, name=name, version=version, location=location, licence=licence)
