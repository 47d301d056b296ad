"""The Caisson that runs, as files of an image: its package, and what it depends on, at the versions that are installed.

Packages are taken by their own lists of files with hashes (`RECORD`; PyPA, "Recording installed projects"), and what
was changed since it was installed is refused. Nothing of the machine gets in: no scripts, no byte code, no notes of
where a package came from. So the same versions give the same files.
"""

import base64
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import Distribution, PackagePath, distribution
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from caisson.conversion.content import Content
from caisson.conversion.layer import AddedFile, archive
from caisson.errors import UsageError
from caisson.oci import Image, PackedLayer, RunConfig, append, configure

_OWN = "caisson"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_DEBIANS_AUTHORITIES = "/usr/share/ca-certificates/mozilla"
_NOBODY = "65532:65532"
_MODE = 0o644
_NOTES = frozenset({"METADATA", "entry_points.txt"})  # what programs ask for while they run
_LICENCES = "licenses"
_BYTE_CODE = "__pycache__"


def add_installation(image: Image, *, scratch: Path) -> Image:
    """Add this Caisson to an image, and start it there as nobody in particular: arguments are those of `caisson`.

    The image has the same Python as this one runs on; the authorities of Debian's `ca-certificates` count, if it has
    that package.

    Raises:
        UsageError: the image has another Python, or none; or an installed package was changed.
    """
    content = Content(image)
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    program = content.resolve(f"/usr/bin/{python}")
    if program is None:
        raise UsageError(
            f"this Caisson runs on {python}, which the image does not have",
            hint="take the Debian that has it: bookworm has python3.11, trixie python3.13",
        )
    added = (*_packages(f"/usr/local/lib/{python}/dist-packages"), *_authorities(content))
    layer = PackedLayer.pack(archive(added, (), existing=content.directory), scratch=scratch)
    run = RunConfig(
        entrypoint=(program, "-IB", "-m", "caisson.cli"),
        env=("PATH=/usr/local/bin:/usr/bin", "HOME=/tmp", f"SSL_CERT_FILE={_AUTHORITIES}"),
        user=_NOBODY,
        working_dir="/",
    )
    return configure(append(image, layer, created_by="caisson itself"), run)


def _packages(directory: str) -> Iterator[AddedFile]:
    for name, raw in _own(files(_OWN), _OWN):
        yield AddedFile(path=f"{directory}/{name}", mode=_MODE, content=raw)
    for package in _dependencies(_OWN):
        for file in package.files or ():
            if _wanted(file, own=canonicalize_name(package.name) == _OWN):
                yield AddedFile(path=f"{directory}/{file}", mode=_MODE, content=_unchanged(package, file))


def _own(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    """Give our own package's files; installed for development, no list has them."""
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir() and item.name != _BYTE_CODE:
            yield from _own(item, f"{name}/{item.name}")
        elif item.is_file():
            yield f"{name}/{item.name}", item.read_bytes()


def _dependencies(name: str) -> tuple[Distribution, ...]:
    """Give a package and, in the order of their names, all that it needs here; extras are nobody's need."""
    found: dict[str, Distribution] = {}
    waiting = [canonicalize_name(name)]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found[current] = distribution(current)
        wanted = (Requirement(line) for line in found[current].requires or ())
        waiting += [
            canonicalize_name(each.name)
            for each in wanted
            if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
    return tuple(found[name] for name in sorted(found))


def _wanted(file: PackagePath, *, own: bool) -> bool:
    parts = file.parts
    if ".." in parts or _BYTE_CODE in parts:
        return False
    if parts[0].endswith(".dist-info"):
        return file.name in _NOTES or (len(parts) > 2 and parts[1] == _LICENCES)  # noqa: PLR2004 - below its folder
    return not own


def _unchanged(package: Distribution, file: PackagePath) -> bytes:
    raw = Path(str(package.locate_file(file))).read_bytes()
    recorded = None if file.hash is None else (file.hash.mode, file.hash.value)
    if recorded != ("sha256", base64.urlsafe_b64encode(sha256(raw).digest()).rstrip(b"=").decode()):
        raise UsageError(f"`{file}` of the package `{package.name}` is not as it was installed", hint="install it anew")
    return raw


def _authorities(content: Content) -> Iterator[AddedFile]:
    """Give all of Debian's authorities in one file, as its maintainer script would, which does not run."""
    names = content.list_directory(_DEBIANS_AUTHORITIES)
    if names:
        bundle = b"".join(content.read(f"{_DEBIANS_AUTHORITIES}/{name}") or b"" for name in names)
        yield AddedFile(path=_AUTHORITIES, mode=_MODE, content=bundle)
