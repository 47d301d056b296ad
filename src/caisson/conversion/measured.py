"""What an image's enclave is measured over: premain itself on the native runtime, Gramine's PAL otherwise."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from caisson.conversion import places
from caisson.conversion.content import Content
from caisson.conversion.manifests import ENCRYPTED_KEYS, GRAMINE
from caisson.conversion.runtime.release import Release
from caisson.enclave import SGX_PAL, LayoutConstants, Manifest, RuntimeBundle, unsigned_sigstruct
from caisson.enclave.layout import GRAMINE as KNOWN_LAYOUT
from caisson.errors import ImageRejected
from caisson.sgx import SigStruct

_MAX_PART = 64 << 20  # as much as the platform's socket takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The bytes of the PAL, and how its release lays out an enclave around it."""

    pal: bytes
    layout: LayoutConstants = KNOWN_LAYOUT

    @classmethod
    def of(cls, release: Release) -> Self:
        """Take what a bundle has."""
        return cls(pal=release.contents[SGX_PAL], layout=release.bundle.layout)

    @classmethod
    def in_image(cls, content: Content, manifest: Manifest) -> Self:
        """Take what an image has.

        Raises:
            ImageRejected: it lacks a part of the runtime that its manifest names.
            Malformed: the runtime's description is none.
        """
        if runtime_of(manifest) != GRAMINE:
            return cls(pal=required(content, places.PREMAIN))
        bundle = RuntimeBundle.parse(required(content, places.RUNTIME_DESCRIPTION))
        return cls(pal=required(content, f"{places.RUNTIME}/{SGX_PAL}"), layout=bundle.layout)

    @property
    def digest(self) -> str:
        """SHA-256 of the PAL, hex."""
        return sha256(self.pal).hexdigest()

    def sigstruct(self, manifest: bytes, *, date: str) -> SigStruct:
        """Measure the enclave for a manifest; see `unsigned_sigstruct`."""
        return unsigned_sigstruct(self.pal, manifest, date=date, constants=self.layout)


def runtime_of(manifest: Manifest) -> str:
    """Give the runtime that a manifest says it is for."""
    return _measured("CAISSON_RUNTIME", manifest) or "unknown"


def encrypted_keys(manifest: Manifest) -> tuple[str, ...]:
    """Give the names of the keys under which an image has encrypted files, as its manifest says."""
    listed = _measured(ENCRYPTED_KEYS, manifest)
    return tuple(listed.split(",")) if listed else ()


def _measured(name: str, manifest: Manifest) -> str | None:
    return next((item.value for item in manifest.loader.env if item.name == name), None)


def entrypoint_of(manifest: Manifest) -> tuple[str, ...]:
    """Give what a container has to start: Gramine's SGX loader, or premain."""
    return places.SGX_ENTRYPOINT if runtime_of(manifest) == GRAMINE else (places.PREMAIN,)


def required(content: Content, path: str) -> bytes:
    """Read a part that every confidential image has.

    Raises:
        ImageRejected: it is not there, or too large.
    """
    region = content.region(path)
    if region is None:
        raise ImageRejected(f"no confidential image: it has no `{path}`", hint="make one with `caisson build`")
    if region.size > _MAX_PART:
        raise ImageRejected(f"`{path}` is larger than {_MAX_PART} bytes")
    return region.read()
