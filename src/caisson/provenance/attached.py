"""What is attached to an image, and which of it a publisher stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from caisson.conversion import VerifiedImage
from caisson.errors import Malformed, ProvenanceRejected, SignatureRejected
from caisson.oci import Descriptor, Digest, Image
from caisson.provenance import cosign
from caisson.provenance.key import Publisher
from caisson.provenance.statement import Statement


class Kind(StrEnum):
    """The kinds of things that are attached, by the names that policies give them."""

    STATEMENT = "statement"
    SBOM = "sbom"
    SIGSTRUCT = "sigstruct"
    COSIGN = "cosign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What strangers may have attached to an image: envelopes, bills of materials, SIGSTRUCTs, cosign's signatures."""

    envelopes: tuple[bytes, ...] = field(default=(), repr=False)
    sboms: tuple[bytes, ...] = field(default=(), repr=False)
    sigstructs: tuple[bytes, ...] = field(default=(), repr=False)
    cosign: tuple[tuple[Descriptor, bytes], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedProvenance:
    """What a publisher stands for, all of it about one image that was verified."""

    publisher: Publisher
    statement: Statement
    sbom: bytes = field(repr=False)
    has_sigstruct: bool
    is_cosigned: bool

    @property
    def kinds(self) -> frozenset[Kind]:
        """What of it is there."""
        kinds = {Kind.STATEMENT, Kind.SBOM}
        if self.has_sigstruct:
            kinds.add(Kind.SIGSTRUCT)
        if self.is_cosigned:
            kinds.add(Kind.COSIGN)
        return frozenset(kinds)


def verify_provenance(
    attached: Attached, image: Image, verified: VerifiedImage, publishers: tuple[Publisher, ...]
) -> VerifiedProvenance:
    """Check what is attached to an image, whose own identity was verified before.

    What others attached counts for nothing, since anyone who may write to the store may attach anything: statements by
    others, and genuine ones that were taken from other images.

    1. Statements are signed by one of the publishers.
    2. One is about this image: its digest, and its configuration's.
    3. It says of the enclave what the image itself gives: measurement, signer, product, versions, pin, SIGSTRUCT.
    4. The bill of materials that it names is attached.
    5. Of several that hold, one that tells of source and recipe counts.
    6. Whether the image's SIGSTRUCT is attached, and whether cosign's signature of it by the publisher is.

    Raises:
        SignatureRejected: no statement is signed by one of the publishers.
        ProvenanceRejected: no statement at all, or none that holds; all that is wrong with the nearest one is named.
    """
    # 1.
    signed = _signed(attached.envelopes, publishers)
    # 2. to 4.
    sboms = {Digest.of(each): each for each in attached.sboms}
    faults = [_faults(statement, image, verified, sboms) for _, statement in signed]
    holding = [each for each, found in zip(signed, faults, strict=True) if not found]
    if not holding:
        raise ProvenanceRejected(min(faults, key=len))
    # 5.
    publisher, statement = max(holding, key=lambda each: (each[1].source is not None, each[1].recipe is not None))
    # 6.
    return VerifiedProvenance(
        publisher=publisher,
        statement=statement,
        sbom=sboms[statement.sbom],
        has_sigstruct=verified.sigstruct.encode() in attached.sigstructs,
        is_cosigned=cosign.is_signed(attached.cosign, publisher, image=image.digest),
    )


def _signed(envelopes: tuple[bytes, ...], publishers: tuple[Publisher, ...]) -> list[tuple[Publisher, Statement]]:
    if not envelopes:
        raise ProvenanceRejected(
            ("no statement is attached to the image",), hint="attach one with `caisson provenance attach`"
        )
    found = []
    reason = "none of the accepted publishers signed a statement about the image"
    for publisher in publishers:
        for envelope in envelopes:
            try:
                found.append((publisher, Statement.open(envelope, publisher)))
            except (Malformed, SignatureRejected) as error:
                reason = error.message
    if not found:
        raise SignatureRejected(reason)
    return found


def _faults(
    statement: Statement, image: Image, verified: VerifiedImage, sboms: Mapping[Digest, bytes]
) -> tuple[str, ...]:
    """Carry out the steps 2 to 4 of `verify_provenance`."""
    reasons = _differences(statement, image, verified)
    if statement.sbom not in sboms:
        reasons.append(f"the bill of materials that the statement names, {statement.sbom}, is not attached")
    return tuple(reasons)


def _differences(statement: Statement, image: Image, verified: VerifiedImage) -> list[str]:
    expected = Statement.of(
        image, verified, sbom=b"", source=statement.source, recipe=statement.recipe, builder=statement.builder
    )
    names = {
        "image": "image",
        "image_id": "image ID",
        "mr_enclave": "MRENCLAVE",
        "mr_signer": "MRSIGNER",
        "isv_prod_id": "product",
        "isv_svn": "security version",
        "debug": "debug flag",
        "runtime": "runtime",
        "key_server_pin": "key server pin",
        "sigstruct": "SIGSTRUCT",
    }
    return [
        f"the statement's {name} is {getattr(statement, field)}; the image's is {getattr(expected, field)}"
        for field, name in names.items()
        if getattr(statement, field) != getattr(expected, field)
    ]
