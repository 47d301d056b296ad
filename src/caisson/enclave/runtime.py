"""Runtime bundles: one release of Gramine as Caisson keeps it, named by its content. No I/O.

The parts that an image of runtime `gramine` is made of:

* `sgx/libpal.so`: the PAL, which is measured. `sgx/loader`: the untrusted program that builds the enclave from it, with
  what it needs from a host (`host/…`), so that an image without any library can start it;
* `direct/libpal.so`: the same without an enclave, and its own loader;
* `libsysdb.so`: the library OS; `libc/…`: the C library that calls it without a detour.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

from caisson.enclave.layout import GRAMINE, LayoutConstants
from caisson.errors import Malformed, UsageError
from caisson.protocol import canonical

SGX_LOADER = "sgx/loader"
SGX_PAL = "sgx/libpal.so"
DIRECT_PAL = "direct/libpal.so"
LIBOS = "libsysdb.so"
LIBC = "libc/"
HOST = "host/"
HOST_INTERPRETER = "host/ld.so"

# Releases whose enclave layout and manifest keys are known (docs/reference/measurement.md).
KNOWN_VERSIONS = ("1.8", "1.9")

_VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}[A-Za-z0-9.+~-]{0,40}")
_PART = re.compile(r"(?:sgx|direct|libc|host)/[A-Za-z0-9_][A-Za-z0-9_.+-]{0,80}|libsysdb\.so")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REQUIRED = (SGX_LOADER, SGX_PAL, DIRECT_PAL, LIBOS)
_WHAT = "runtime bundle"


class Libc(StrEnum):
    """Which C library a bundle brings."""

    GLIBC = "glibc"
    MUSL = "musl"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeBundle:
    """What a bundle is made of: `parts` gives the SHA-256 (hex) of each file by its name.

    `libc_version` is the C library's own version, `cache` the path at which its loader looks for `ld.so.cache` (empty
    for musl, which has none).

    Raises:
        Malformed: a name, digest or version that can be none, or a part that every bundle has is missing.
    """

    version: str
    libc: Libc
    libc_version: str
    cache: str
    parts: dict[str, str] = field(hash=False)
    layout: LayoutConstants = GRAMINE

    def __post_init__(self) -> None:
        if _VERSION.fullmatch(self.version) is None:
            raise Malformed(f"{_WHAT} has the version {self.version[:40]!r}, which is none")
        for name, digest in self.parts.items():
            if _PART.fullmatch(name) is None or _SHA256.fullmatch(digest) is None:
                raise Malformed(f"{_WHAT} has a part {name[:80]!r} that it cannot have")
        if missing := [name for name in _REQUIRED if name not in self.parts]:
            raise Malformed(f"{_WHAT} lacks `{missing[0]}`")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a description in canonical JSON.

        Raises:
            Malformed: not one.
        """
        members = canonical.Members(canonical.decode(raw, what=_WHAT), what=_WHAT)
        members.version(1)
        libc = members.text("libc")
        if libc not in tuple(Libc):
            raise Malformed(f"{_WHAT} has the C library {libc[:40]!r}, which is not known")
        bundle = cls(
            version=members.text("gramine"),
            libc=Libc(libc),
            libc_version=members.text("libc_version"),
            cache=members.text("cache"),
            parts={name: _text(digest) for name, digest in members.members("parts").items()},
            layout=LayoutConstants.of(members.members("layout")),
        )
        members.finish()
        return bundle

    def encode(self) -> bytes:
        """Write the description in canonical JSON; the same bundle always gives the same bytes."""
        return canonical.encode(
            {
                "version": 1,
                "gramine": self.version,
                "libc": str(self.libc),
                "libc_version": self.libc_version,
                "cache": self.cache,
                "parts": self.parts,
                "layout": self.layout.values(),
            }
        )

    @property
    def id(self) -> str:
        """SHA-256 of the description, hex: two bundles of one name have the same bytes."""
        return sha256(self.encode()).hexdigest()

    @property
    def libc_parts(self) -> tuple[str, ...]:
        """The sorted names of the C library's files."""
        return tuple(sorted(name for name in self.parts if name.startswith(LIBC)))

    def replaces(self, image_libc: str) -> bool:
        """Tell whether this C library can take the place of an image's, by version: an older one would lack symbols."""
        return version_key(self.libc_version) >= version_key(image_libc)


def layout_of(version: str, supplied: dict[str, Any] | None) -> LayoutConstants:
    """Give the layout constants of a release: those that were supplied, or those that are known for it.

    Raises:
        UsageError: the release is not known, and nothing was supplied.
        Malformed: what was supplied are no constants.
    """
    if supplied is not None:
        return LayoutConstants.of(supplied)
    if not any(
        version == known or version.startswith((f"{known}.", f"{known}+", f"{known}~")) for known in KNOWN_VERSIONS
    ):
        raise UsageError(
            f"the layout of enclaves of Gramine {version} is not known",
            hint=f"known are {', '.join(KNOWN_VERSIONS)}; if you know its constants, give them with `--layout FILE`",
        )
    return GRAMINE


def version_key(version: str) -> tuple[int, ...]:
    """Give the numbers of a version such as `2.40`, for comparing."""
    return tuple(int(number) for number in re.findall(r"\d{1,9}", version))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{_WHAT} has a part whose digest is no text")
    return value
