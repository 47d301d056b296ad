"""What an image must be: its signer, its versions, and who stands for it (docs/reference/image-policy.md).

Every field is required but `provenance`, unknown ones are errors, and an empty list accepts nothing.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from caisson.conversion import VerifiedImage, read_model
from caisson.errors import CaissonError, PolicyRejected
from caisson.oci import Digest
from caisson.protocol import ServerKeyHash
from caisson.provenance.attached import Kind, VerifiedProvenance
from caisson.provenance.key import Publisher
from caisson.sgx import MrSigner


def _reading(read: Any) -> BeforeValidator:
    def check(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError("is not text")  # noqa: TRY004 - pydantic turns only ValueError into a fault
        try:
            return read(value)
        except CaissonError as error:
            raise ValueError(error.message) from None

    return BeforeValidator(check)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Product(_Table):
    """One product of one signer, from a security version on."""

    mrsigner: Annotated[MrSigner, _reading(MrSigner.from_hex)]
    isv_prod_id: Annotated[int, Field(ge=0, le=0xFFFF, strict=True)]
    minimum_isv_svn: Annotated[int, Field(ge=0, le=0xFFFF, strict=True)]


class RequiredProvenance(_Table):
    """Who must stand for the image (public keys, PEM), with what, and what it may be made of."""

    publishers: tuple[Annotated[Publisher, _reading(lambda pem: Publisher.parse(pem.encode()))], ...]
    require: frozenset[Kind]
    sources: tuple[Annotated[Digest, _reading(Digest.parse)], ...] | None = None


class ImagePolicy(_Table):
    """What is accepted. `key_servers` are the pins that an image may have; one without needs `allow_unpinned`."""

    version: Literal[1]
    products: tuple[Product, ...]
    runtimes: frozenset[str]
    allow_debug: Annotated[bool, Field(strict=True)]
    key_servers: frozenset[Annotated[ServerKeyHash, _reading(ServerKeyHash.from_hex)]]
    allow_unpinned: Annotated[bool, Field(strict=True)]
    provenance: RequiredProvenance | None = None

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a policy in TOML.

        Raises:
            Malformed: not TOML, or not a policy for images; all faults are named.
        """
        return read_model(cls, raw, what="image-policy")

    def mismatches(self, image: VerifiedImage, provenance: VerifiedProvenance | None) -> tuple[str, ...]:
        """Name everything for which an image that was verified is not accepted."""
        reasons = [*self._product(image)]
        if image.runtime not in self.runtimes:
            reasons.append(f"the runtime `{image.runtime}` is not accepted")
        if image.debug and not self.allow_debug:
            reasons.append("a debug enclave is not accepted: whoever runs it can read its memory")
        if image.key_server_pin is None:
            if not self.allow_unpinned:
                reasons.append("an image without the pin of a key server is not accepted")
        elif image.key_server_pin not in self.key_servers:
            reasons.append(f"the key server {image.key_server_pin} is not accepted")
        if self.provenance is not None and provenance is not None:
            reasons += self._provenance(self.provenance, provenance)
        return tuple(reasons)

    def appraise(self, image: VerifiedImage, provenance: VerifiedProvenance | None) -> None:
        """Require that an image is accepted.

        Raises:
            PolicyRejected: it is not; every mismatch is named.
        """
        if reasons := self.mismatches(image, provenance):
            raise PolicyRejected(reasons)

    def _product(self, image: VerifiedImage) -> tuple[str, ...]:
        by_signer = [each for each in self.products if each.mrsigner == image.mr_signer]
        if not by_signer:
            return (f"the signer {image.mr_signer} is not accepted",)
        same = [each.minimum_isv_svn for each in by_signer if each.isv_prod_id == image.isv_prod_id]
        if not same:
            return (f"the signer's product {image.isv_prod_id} is not accepted",)
        if image.isv_svn < min(same):
            return (f"the security version {image.isv_svn} is not accepted; {min(same)} is the least",)
        return ()

    @staticmethod
    def _provenance(required: RequiredProvenance, found: VerifiedProvenance) -> tuple[str, ...]:
        reasons = [f"no {kind} by the publisher is attached" for kind in sorted(required.require - found.kinds)]
        source = found.statement.source
        if required.sources is not None and source not in required.sources:
            reasons.append(f"the source image {source or 'that nobody states'} is not accepted")
        return tuple(reasons)
