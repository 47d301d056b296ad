"""The packages that an image's own files tell of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from caisson.errors import Malformed
from caisson.oci import FileSystem, Found
from caisson.provenance.component import Component
from caisson.provenance.packages import apk, dpkg, npm, python, rpm
from caisson.provenance.packages.distribution import Distribution

_MOST_BYTES = 256 << 20
_RELEASES = ("/etc/os-release", "/usr/lib/os-release")

_Reader = Callable[[bytes], Iterator[Component]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Every package that was found, sorted; `unread` names files that tell of more, and why they were not read."""

    components: tuple[Component, ...]
    unread: tuple[str, ...]

    @classmethod
    def of(cls, files: FileSystem) -> Self:
        """Look through all files. What a stranger wrote wrongly is not read, and that is said.

        Raises:
            ImageRejected: a file's bytes are not there.
        """
        distribution = _distribution(files)
        components: set[Component] = set()
        unread: list[str] = []
        for found in files.walk():
            if found.content is None:
                continue
            if (kind := rpm.OTHER_FORMATS.get(found.path)) is not None:
                unread.append(f"{found.path}: RPM's database in the format {kind}, which is not read here")
            elif (reader := _reader(found.path, distribution)) is not None:
                try:
                    components.update(reader(_read(found)))
                except Malformed as error:
                    unread.append(f"{found.path}: {error.message}")
        return cls(components=tuple(sorted(components)), unread=tuple(sorted(unread)))


def _distribution(files: FileSystem) -> Distribution:
    for path in _RELEASES:
        found = files.find(path)
        if found is not None and found.content is not None:
            return Distribution.parse(_read(found).decode(errors="replace"))
    return Distribution()


def _reader(path: str, distribution: Distribution) -> _Reader | None:
    def text(raw: bytes) -> str:
        return raw.decode(errors="replace")

    if dpkg.is_status(path):
        return lambda raw: dpkg.read_dpkg(text(raw), location=path, distribution=distribution)
    if path in apk.INSTALLED:
        return lambda raw: apk.read_apk(text(raw), location=path, distribution=distribution)
    if path in rpm.DATABASES:
        return lambda raw: rpm.read_rpm(raw, location=path, distribution=distribution)
    if python.is_metadata(path):
        return lambda raw: python.read_python(text(raw), location=path)
    if npm.is_package(path):
        return lambda raw: npm.read_npm(raw, location=path)
    return None


def _read(found: Found) -> bytes:
    if found.content is None or found.content.size > _MOST_BYTES:
        raise Malformed(f"it is larger than {_MOST_BYTES} bytes")
    return found.content.read()
