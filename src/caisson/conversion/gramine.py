"""What an image needs to run under Gramine: the library OS, its C library in place of the image's, and all names.

Gramine compares the path at which a file is opened with those in the manifest, and does not follow links while it does
so: a file that is reached through links needs an entry for each way to it.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from caisson.conversion import places
from caisson.conversion.cache import library_cache
from caisson.conversion.content import Content
from caisson.conversion.elf import HEADER_SIZE, is_native
from caisson.conversion.layer import AddedFile
from caisson.conversion.libraries import Libraries
from caisson.conversion.runtime.release import Release
from caisson.enclave import LIBC, LIBOS, Libc, LibOsBinary, Mount
from caisson.errors import UsageError

# Loaded by name when a thread ends or an exception is thrown, without being asked for in any file.
_UNASKED = "libgcc_s.so.1"
# Read by the C library itself when it looks up users, groups and where to look names up.
_TABLES = ("/etc/passwd", "/etc/group", "/etc/nsswitch.conf")
_GLIBC_NAME, _MUSL_NAME = "libc.so.6", "ld-musl-x86_64.so.1"
_GLIBC_VERSION = re.compile(rb"GNU C Library [^\n]{0,200}release version ([0-9]+\.[0-9]+)")
_MOST_LIBC = 64 << 20
_PASSES = 2  # links to directories that one path may go through


@dataclass(frozen=True, slots=True, kw_only=True)
class GramineFiles:
    """`files` are added to the image, `trusted` gives SHA-256 (hex) by path, `mounts` put the C library in place."""

    files: tuple[AddedFile, ...]
    trusted: Mapping[str, str]
    mounts: tuple[Mount, ...]
    libos: LibOsBinary


def gramine_files(release: Release, libraries: Libraries, content: Content, *, own: dict[str, str]) -> GramineFiles:
    """Put a release of Gramine around what a program needs. `own` gives the SHA-256 (hex) of files that are added.

    Raises:
        UsageError: the recipe trusts something that the image does not have, or its C library is of another kind.
        ImageRejected: a library that begins like an ELF file and is none.
    """
    _require_same_kind(release, libraries)
    _add_unasked(libraries, content)
    replaced = _replaced(release, libraries, content)
    parts = {name: part for name, part in release.contents.items() if replaced or not name.startswith(LIBC)}
    files = [_added(f"{places.RUNTIME}/{name}", part) for name, part in parts.items()]
    files.append(_added(places.RUNTIME_DESCRIPTION, release.bundle.encode()))
    found = set(libraries.found) - {libraries.names[name] for name in replaced if name in libraries.names}
    mounts = [
        Mount(type="chroot", path=name, uri=f"file:{places.RUNTIME}/{LIBC}{posixpath.basename(name)}")
        for name in sorted(replaced)
    ]
    if replaced and release.bundle.cache:
        cache = library_cache(_cache(release, libraries, content, found))
        files.append(_added(places.LIBRARY_CACHE, cache))
        mounts.append(Mount(type="chroot", path=release.bundle.cache, uri=f"file:{places.LIBRARY_CACHE}"))
    digests = content.digests(found - own.keys()) | own
    trusted = {path: digests[real] for path, real in _names(found | own.keys(), libraries, content)}
    trusted |= {
        file.path: file.digest
        for file in files
        if file.path.startswith((f"{places.RUNTIME}/{LIBC}", places.LIBRARY_CACHE))
    }
    libos = f"{places.RUNTIME}/{LIBOS}"
    return GramineFiles(
        files=tuple(files),
        trusted=trusted,
        mounts=tuple(mounts),
        libos=LibOsBinary(uri=f"file:{libos}", sha256=release.bundle.parts[LIBOS]),
    )


def _require_same_kind(release: Release, libraries: Libraries) -> None:
    """Refuse programs whose C library the release cannot replace, since each of their system calls would be trapped."""
    needed = Libc.MUSL if libraries.is_musl else Libc.GLIBC
    if libraries.interpreters and release.bundle.libc is not needed:
        raise UsageError(
            f"the image's programs use {needed}, and this runtime has {release.bundle.libc}",
            hint=f"take over a Gramine that was built for {needed} with `caisson runtime add --libc {needed}`, and name"
            " it with `--runtime gramine:ID`",
        )


def _added(path: str, content: bytes) -> AddedFile:
    return AddedFile(path=path, mode=0o444 if path.endswith((".json", ".cache")) else 0o555, content=content)


def _add_unasked(libraries: Libraries, content: Content) -> None:
    for path in _TABLES:
        if (real := content.resolve(path)) is not None:
            libraries.found.add(real)
            libraries.names[path] = real
    if libraries.interpreters:
        for directory in libraries.configured:
            if content.resolve(posixpath.join(directory, _UNASKED)) is not None:
                libraries.load_named(_UNASKED)
                return


def _replaced(release: Release, libraries: Libraries, content: Content) -> frozenset[str]:
    """Give the paths of the image at which the release's C library has to appear; none if it cannot take its place."""
    bundle = release.bundle
    if bundle.libc is Libc.MUSL:
        return frozenset(name for name in libraries.names if posixpath.basename(name) == _MUSL_NAME)
    libc = next((real for name, real in libraries.names.items() if posixpath.basename(name) == _GLIBC_NAME), None)
    if libc is None:
        return frozenset()
    version = _GLIBC_VERSION.search(content.read_at(libc, 0, _MOST_LIBC))
    if version is None or not bundle.replaces(version[1].decode()):
        return frozenset()
    known = {name.removeprefix(LIBC) for name in bundle.libc_parts}
    return frozenset(name for name in libraries.names if posixpath.basename(name) in known)


def _cache(release: Release, libraries: Libraries, content: Content, found: set[str]) -> dict[str, str]:
    """Give the path of each trusted library by its name, as ldconfig would find it; first the release's own."""
    cache = {posixpath.basename(name): f"{places.RUNTIME}/{name}" for name in release.bundle.libc_parts}
    for directory in libraries.configured:
        for name in content.list_directory(directory):
            path = posixpath.join(directory, name)
            real = content.resolve(path)
            if name in cache or real is None or real not in found:
                continue
            if is_native(content.read_at(real, 0, HEADER_SIZE)):
                cache[name] = path
                libraries.names[path] = real
    return cache


def _names(found: set[str], libraries: Libraries, content: Content) -> Iterator[tuple[str, str]]:
    """Give every path that leads to one of the files, and the file: itself, as it was opened, and through links."""
    ways = {real: real for real in found} | {name: real for name, real in libraries.names.items() if real in found}
    directories = list[tuple[str, str]]()
    for link, target in content.links():
        if target.is_directory and not f"{link}/".startswith(f"{target.path.rstrip('/')}/"):
            directories.append((link, target.path))
        elif target.path in found:
            ways[link] = target.path
    for _ in range(_PASSES):
        for path, real in tuple(ways.items()):
            for link, target_path in directories:
                if path.startswith(f"{target_path}/"):
                    ways[link + path[len(target_path) :]] = real
    return iter(sorted(ways.items()))


def refuse_plain(volumes: tuple[str, ...]) -> None:
    """Refuse volumes that the host could read and change: Gramine would open nothing in them.

    Raises:
        UsageError: there is one.
    """
    if volumes:
        raise UsageError(
            f"`{volumes[0]}` is a plain volume, and under Gramine the host is not trusted with one",
            hint="make it an `[[encrypted]]` mount with a key in `provision.fs_keys`",
        )
