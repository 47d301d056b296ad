"""A confidential image before it is signed, and the layer on its top that holds nothing but its identity.

Manifest and SIGSTRUCT have a layer of their own: whoever signs, signs again or pins replaces that layer and nothing
else. An unsigned image has `app.sig.unsigned` where a signed one has `app.sig`. It holds the SIGSTRUCT with zeros for
key and signature: no loader looks for that name, and no verifier takes those zeros for a signature.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from caisson.conversion import places
from caisson.conversion.direct import direct_manifest
from caisson.conversion.layer import AddedFile, archive
from caisson.conversion.manifests import GRAMINE
from caisson.conversion.measured import runtime_of
from caisson.enclave import Manifest, Signer, attach_signature
from caisson.oci import Changes, FileLayer, Image, append, read_changes, without_top
from caisson.oci.tar import Entry, Kind
from caisson.sgx import MrEnclave, MrSigner, SigStruct

_MODE = 0o444


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidentialImage:
    """The result: the image, and the identity that its enclave will have."""

    image: Image
    manifest: Manifest
    mr_enclave: MrEnclave
    mr_signer: MrSigner


@dataclass(frozen=True, kw_only=True)
class PreparedImage:
    """Everything of a confidential image but its signature.

    `body` lacks the topmost layer; `directory` is its `/.caisson`, if not the usual one; `unsigned` is the SIGSTRUCT
    with zeros for key and signature. `scratch` is where the layer is written. `pal` is the SHA-256 (hex) of what the
    enclave is measured over.
    """

    body: Image
    manifest: Manifest
    unsigned: SigStruct
    scratch: Path
    pal: str
    directory: Entry | None = None

    @classmethod
    def take(cls, image: Image, *, manifest: Manifest, unsigned: SigStruct, scratch: Path, pal: str) -> Self | None:
        """Take the identity off an image whose manifest was read; None if its topmost layer holds something else."""
        changes = read_changes(image.layers[-1])
        if not _is_identity(changes):
            return None
        return cls(
            body=without_top(image),
            manifest=manifest,
            unsigned=unsigned,
            scratch=scratch,
            pal=pal,
            directory=changes.entries[places.DIRECTORY.removeprefix("/")],
        )

    @cached_property
    def image(self) -> Image:
        """The image for the time until somebody signs it."""
        return self._with(places.UNSIGNED, self.unsigned)

    @property
    def mr_enclave(self) -> MrEnclave:
        """The measurement that will be signed."""
        return self.unsigned.mr_enclave

    @property
    def mr_signer(self) -> None:
        """Nobody, so far."""
        return

    def sign(self, key: Signer) -> ConfidentialImage:
        """Sign the image; for one key there is one result.

        Raises:
            SignatureRejected: the key's holder gave something else than a signature.
        """
        return self.attach(modulus=key.modulus, signature=key.sign(self.unsigned.signed_bytes))

    def attach(self, *, modulus: int, signature: bytes) -> ConfidentialImage:
        """Put a signature (big-endian) over `unsigned.signed_bytes` into the image, wherever it was made.

        Raises:
            SignatureRejected: not a signature over these bytes by that key.
        """
        sigstruct = attach_signature(self.unsigned, modulus=modulus, signature=signature)
        return ConfidentialImage(
            image=self._with(places.SIGSTRUCT, sigstruct),
            manifest=self.manifest,
            mr_enclave=sigstruct.mr_enclave,
            mr_signer=sigstruct.mr_signer,
        )

    def _with(self, path: str, sigstruct: SigStruct) -> Image:
        signature = sigstruct.encode()
        files = [
            AddedFile(path=places.MANIFEST, mode=_MODE, content=self.manifest.encode()),
            AddedFile(path=path, mode=_MODE, content=signature),
        ]
        if path == places.SIGSTRUCT and runtime_of(self.manifest) == GRAMINE:
            direct = direct_manifest(self.manifest, pal=self.pal, signature=signature)
            files.append(AddedFile(path=places.DIRECT_MANIFEST, mode=_MODE, content=direct))
        chunks = archive(tuple(files), (), existing=lambda _: self.directory)
        return append(self.body, FileLayer.pack(chunks, scratch=self.scratch), created_by="caisson sign")


def _is_identity(changes: Changes) -> bool:
    if changes.removed or changes.opaque:
        return False
    kinds = {f"/{path}": entry.kind for path, entry in changes.entries.items()}
    if kinds.get(places.DIRECT_MANIFEST) is Kind.FILE and places.SIGSTRUCT in kinds:
        del kinds[places.DIRECT_MANIFEST]
    return any(
        kinds == {places.DIRECTORY: Kind.DIRECTORY, places.MANIFEST: Kind.FILE, signature: Kind.FILE}
        for signature in (places.SIGSTRUCT, places.UNSIGNED)
    )
