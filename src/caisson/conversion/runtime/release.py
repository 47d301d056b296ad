"""Finding a release of Gramine among files: of this machine, of packages, of an image."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from caisson.conversion import places
from caisson.conversion.elf import HEADER_SIZE, is_native
from caisson.conversion.libraries import Files, Libraries
from caisson.conversion.runtime.interpreter import settle
from caisson.enclave import Libc, RuntimeBundle, layout_of
from caisson.enclave.runtime import DIRECT_PAL, HOST, HOST_INTERPRETER, LIBC, LIBOS, SGX_LOADER, SGX_PAL
from caisson.errors import ImageRejected, UsageError

_LIBRARIES = ("lib/x86_64-linux-gnu", "lib64", "lib")
_PROGRAMS = ("bin/gramine-sgx", "bin/gramine-direct")
_RELEASE = re.compile(r"Gramine ([0-9][A-Za-z0-9.+~-]*) \(")
_MAX_PART = 64 << 20
_MAX_PROGRAM = 1 << 20
# What GNU libc and musl install; other libraries that lie beside them are not part of a C library.
_SHARED = re.compile(
    r"ld-linux-x86-64\.so\.2|ld-musl-x86_64\.so\.1"
    r"|lib(anl|c|dl|m|mvec|nsl|nss_[a-z]+|pthread|resolv|rt|thread_db|util)\.so\.[0-9]"
)
_INTERPRETERS = {Libc.GLIBC: "ld-linux-x86-64.so.2", Libc.MUSL: "ld-musl-x86_64.so.1"}
_LIBC_FILES = {Libc.GLIBC: "libc.so.6", Libc.MUSL: "ld-musl-x86_64.so.1"}
_LIBC_VERSIONS = {
    Libc.GLIBC: re.compile(rb"GNU C Library [^\n]{0,200}release version ([0-9]+\.[0-9]+)"),
    Libc.MUSL: re.compile(rb"\0([0-9]+\.[0-9]+\.[0-9]+)\0"),
}
_CACHE = re.compile(rb"\0(/[\x20-\x7e]{0,200}/ld\.so\.cache)\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A bundle together with its bytes: `contents` gives those of each part by its name."""

    bundle: RuntimeBundle
    contents: Mapping[str, bytes] = field(repr=False)


def find_release(
    files: Files,
    *,
    prefix: str,
    libc: Libc | None = None,
    version: str | None = None,
    layout: dict[str, Any] | None = None,
) -> Release:
    """Make a bundle of the Gramine that is installed below `prefix`.

    `libc` chooses where there are two C libraries, `version` says what the installation itself does not, `layout` gives
    the constants of a release that is not known.

    Raises:
        UsageError: there is none, a part of it or a library of its loader is missing, or the release is not known.
        ImageRejected: a part is not what it should be.
    """
    directory = _directory(files, prefix)
    release = version or _version(files, prefix)
    constants = layout_of(release, layout)
    chosen = _libc(files, directory, libc)
    patched = dict(_patched(files, f"{directory}/runtime/{chosen}"))
    main = patched.get(LIBC + _LIBC_FILES[chosen], b"")
    found = _LIBC_VERSIONS[chosen].search(main)
    if found is None or LIBC + _INTERPRETERS[chosen] not in patched:
        raise UsageError(f"`{directory}/runtime/{chosen}` has no C library", hint="install Gramine with its C library")
    cache = _CACHE.search(patched[LIBC + _INTERPRETERS[chosen]]) if chosen is Libc.GLIBC else None
    contents = {
        SGX_PAL: _read(files, f"{directory}/sgx/libpal.so"),
        DIRECT_PAL: _read(files, f"{directory}/direct/libpal.so"),
        LIBOS: _read(files, f"{directory}/libsysdb.so"),
        SGX_LOADER: settle(
            _read(files, f"{directory}/sgx/loader"),
            interpreter=f"{places.RUNTIME}/{HOST_INTERPRETER}",
            runpath=f"{places.RUNTIME}/{HOST}".rstrip("/"),
        ),
        **dict(_host(files, f"{directory}/sgx/loader")),
        **patched,
    }
    bundle = RuntimeBundle(
        version=release,
        libc=chosen,
        libc_version=found[1].decode(),
        cache="" if cache is None else cache[1].decode(),
        parts={name: sha256(content).hexdigest() for name, content in contents.items()},
        layout=constants,
    )
    return Release(bundle=bundle, contents=contents)


def _directory(files: Files, prefix: str) -> str:
    for libraries in _LIBRARIES:
        candidate = posixpath.join(prefix, libraries, "gramine")
        if files.resolve(f"{candidate}/libsysdb.so") is not None:
            return candidate
    raise UsageError(
        f"there is no Gramine below `{prefix}`", hint="name the prefix that it was installed with, such as `/usr`"
    )


def _version(files: Files, prefix: str) -> str:
    """Read the release that Gramine's start script names."""
    for program in _PROGRAMS:
        real = files.resolve(posixpath.join(prefix, program))
        if real is not None:
            found = _RELEASE.search(files.read_at(real, 0, _MAX_PROGRAM).decode(errors="replace"))
            if found is not None:
                return found[1]
    raise UsageError(
        f"the Gramine below `{prefix}` does not say which release it is", hint="say it with `--gramine-version`"
    )


def _libc(files: Files, directory: str, wanted: Libc | None) -> Libc:
    there = [libc for libc in Libc if files.list_directory(f"{directory}/runtime/{libc}")]
    if wanted is not None and wanted not in there:
        raise UsageError(f"this Gramine has no C library `{wanted}`", hint=f"it has: {', '.join(there) or 'none'}")
    if wanted is None and len(there) != 1:
        raise UsageError(
            f"this Gramine has {len(there)} C libraries: {', '.join(there) or 'none'}", hint="choose one with `--libc`"
        )
    return wanted or there[0]


def _patched(files: Files, directory: str) -> Iterator[tuple[str, bytes]]:
    """Give the shared objects of the C library by the names that programs ask for."""
    for name in files.list_directory(directory):
        if _SHARED.fullmatch(name) is not None:
            content = _read(files, f"{directory}/{name}")
            if is_native(content[:HEADER_SIZE]):
                yield f"{LIBC}{name}", content


def _host(files: Files, loader: str) -> Iterator[tuple[str, bytes]]:
    """Give the interpreter and the libraries that the SGX loader needs outside of the enclave."""
    real = files.resolve(loader)
    if real is None:
        raise UsageError(f"there is no `{loader}`", hint="take a Gramine that was built for SGX")
    libraries = Libraries(files, "")
    try:
        libraries.load(real)
    except UsageError as error:
        raise UsageError(
            f"Gramine's SGX loader lacks a library: {error.message}", hint="name the package that holds it, too"
        ) from error
    interpreters = {libraries.names[asked] for asked in libraries.interpreters}
    for interpreter in interpreters:
        yield HOST_INTERPRETER, _read(files, interpreter)
    for asked, found in sorted(libraries.names.items()):
        content = _read(files, found)
        if found not in interpreters and is_native(content[:HEADER_SIZE]):
            yield f"{HOST}{posixpath.basename(asked)}", content


def _read(files: Files, path: str) -> bytes:
    real = files.resolve(path)
    if real is None:
        raise UsageError(f"there is no `{path}`", hint="take a complete installation of Gramine")
    content = files.read_at(real, 0, _MAX_PART + 1)
    if len(content) > _MAX_PART:
        raise ImageRejected(f"`{path}` is larger than {_MAX_PART} bytes")
    return content
