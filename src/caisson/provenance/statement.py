"""What a publisher states about a confidential image: an in-toto Statement (v1), signed in a DSSE envelope.

It binds the image's digest to the identity that its enclave has, to its bill of materials, and to what it was made of.
"""

from dataclasses import dataclass
from typing import Any, Self

from caisson import __version__
from caisson.conversion import VerifiedImage
from caisson.errors import Malformed
from caisson.oci import Digest, Image
from caisson.protocol import ServerKeyHash, canonical, envelope
from caisson.provenance.key import ProvenanceKey, Publisher
from caisson.sgx import MrEnclave, MrSigner

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "urn:x-caisson:confidential-image:v1"

_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_SHA256 = "sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The image, its enclave, and what they are made of. What was not known when it was made is None."""

    image: Digest
    image_id: Digest
    mr_enclave: MrEnclave
    mr_signer: MrSigner
    isv_prod_id: int
    isv_svn: int
    debug: bool
    runtime: str
    key_server_pin: ServerKeyHash | None
    sigstruct: Digest
    sbom: Digest
    source: Digest | None
    recipe: Digest | None
    builder: str

    @classmethod
    def of(
        cls,
        image: Image,
        verified: VerifiedImage,
        *,
        sbom: bytes,
        source: Digest | None,
        recipe: Digest | None,
        builder: str = __version__,
    ) -> Self:
        """State what is so about an image that was verified."""
        return cls(
            image=image.digest,
            image_id=image.image_id,
            mr_enclave=verified.mr_enclave,
            mr_signer=verified.mr_signer,
            isv_prod_id=verified.isv_prod_id,
            isv_svn=verified.isv_svn,
            debug=verified.debug,
            runtime=verified.runtime,
            key_server_pin=verified.key_server_pin,
            sigstruct=Digest.of(verified.sigstruct.encode()),
            sbom=Digest.of(sbom),
            source=source,
            recipe=recipe,
            builder=builder,
        )

    def encode(self) -> bytes:
        """Give the statement's bytes: canonical JSON (RFC 8785)."""
        pin = self.key_server_pin
        predicate: dict[str, Any] = {
            "builder": {"name": "caisson", "version": self.builder},
            "enclave": {
                "debug": self.debug,
                "isvProdId": self.isv_prod_id,
                "isvSvn": self.isv_svn,
                "keyServerPin": "" if pin is None else str(pin),
                "mrEnclave": str(self.mr_enclave),
                "mrSigner": str(self.mr_signer),
                "runtime": self.runtime,
                "sigstruct": _digest_set(self.sigstruct),
            },
            "imageId": _digest_set(self.image_id),
            "materials": {
                name: _digest_set(digest)
                for name, digest in (("recipe", self.recipe), ("source", self.source))
                if digest is not None
            },
            "sbom": _digest_set(self.sbom),
        }
        return canonical.encode(
            {
                "_type": _STATEMENT_TYPE,
                "predicate": predicate,
                "predicateType": PREDICATE_TYPE,
                "subject": [{"digest": _digest_set(self.image), "name": "image"}],
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a statement, whose signature was verified.

        Raises:
            Malformed: not a statement of ours, not canonical, or with members that are not understood.
        """
        statement = canonical.Members(canonical.decode(raw, what="statement"), what="statement")
        if (statement.text("_type"), statement.text("predicateType")) != (_STATEMENT_TYPE, PREDICATE_TYPE):
            raise Malformed("statement is of another type")
        image = _subject(statement.items("subject"))
        predicate = canonical.Members(statement.members("predicate"), what="predicate")
        statement.finish()
        enclave = canonical.Members(predicate.members("enclave"), what="enclave")
        builder = canonical.Members(predicate.members("builder"), what="builder")
        materials = predicate.members("materials")
        if materials.keys() - {"recipe", "source"}:
            raise Malformed("statement has materials that are not understood")
        pin = enclave.text("keyServerPin")
        if builder.text("name") != "caisson":
            raise Malformed("statement is by another builder")
        found = cls(
            image=image,
            image_id=_digest(predicate.members("imageId")),
            mr_enclave=MrEnclave.from_hex(enclave.text("mrEnclave")),
            mr_signer=MrSigner.from_hex(enclave.text("mrSigner")),
            isv_prod_id=enclave.integer("isvProdId"),
            isv_svn=enclave.integer("isvSvn"),
            debug=enclave.boolean("debug"),
            runtime=enclave.text("runtime"),
            key_server_pin=ServerKeyHash.from_hex(pin) if pin else None,
            sigstruct=_digest(enclave.members("sigstruct")),
            sbom=_digest(predicate.members("sbom")),
            source=_digest(materials["source"]) if "source" in materials else None,
            recipe=_digest(materials["recipe"]) if "recipe" in materials else None,
            builder=builder.text("version"),
        )
        for members in (predicate, enclave, builder):
            members.finish()
        return found

    def sign(self, key: ProvenanceKey) -> bytes:
        """Give the signed envelope; for one statement and key always the same."""
        return canonical.encode(
            envelope.wrap(self.encode(), payload_type=PAYLOAD_TYPE, key_id=str(key.publisher.id), sign=key.sign)
        )

    @classmethod
    def open(cls, signed: bytes, publisher: Publisher) -> Self:
        """Read a statement that a publisher signed.

        Raises:
            Malformed: not an envelope, or not a statement in it.
            SignatureRejected: not signed by this publisher.
        """
        payload = envelope.unwrap(
            canonical.decode(signed, what="envelope"),
            payload_type=PAYLOAD_TYPE,
            key_id=str(publisher.id),
            verify=publisher.check,
            who=f"the publisher {publisher.id}",
        )
        return cls.parse(payload)


def _subject(items: list[Any]) -> Digest:
    if len(items) != 1 or not isinstance(items[0], dict):
        raise Malformed("statement is not about exactly one image")
    subject = canonical.Members(items[0], what="subject")
    subject.text("name")
    digest = _digest(subject.members("digest"))
    subject.finish()
    return digest


def _digest_set(digest: Digest) -> dict[str, str]:
    return {_SHA256: digest.hex}


def _digest(value: Any) -> Digest:
    if not isinstance(value, dict) or value.keys() != {_SHA256} or not isinstance(value[_SHA256], str):
        raise Malformed("statement has something else than a SHA-256 for a digest")
    return Digest(value[_SHA256])
