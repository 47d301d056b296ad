"""What every certificate revocation list is made of, whoever signed it.

Source: RFC 5280, section 5.
"""

from dataclasses import dataclass, field
from typing import Annotated, Self

from cryptography.hazmat import asn1
from cryptography.x509.oid import ExtensionOID

from caisson.errors import CrlRejected
from caisson.evidence.certificate import UNREADABLE, Extension, whole_bytes
from caisson.evidence.validity import Validity

MOST_BYTES = 4 * 1024 * 1024
_V2 = 1
_PARTIAL = frozenset({ExtensionOID.DELTA_CRL_INDICATOR, ExtensionOID.ISSUING_DISTRIBUTION_POINT})


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeList:
    """A list that leaves nothing out; `issuer` is the name that it bears."""

    issuer: asn1.TLV
    revoked: frozenset[int]
    validity: Validity
    has_extensions: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedList:
    """The parts of a list as they are signed; `body` and `algorithm` are DER. Check the signature, then read it."""

    body: bytes
    algorithm: bytes
    signature: bytes
    _inside: asn1.TLV = field(repr=False)

    @classmethod
    def parse(cls, der: bytes, *, what: str, most_bytes: int = MOST_BYTES) -> Self:
        """Take a list apart, and read nothing of its body.

        Raises:
            CrlRejected: not a list, or a longer one.
        """
        if len(der) > most_bytes:
            raise CrlRejected(f"{what} has {len(der)} bytes, more than {most_bytes}")
        try:
            outer = asn1.decode_der(_List, der)
            return cls(
                body=asn1.encode_der(outer.body),
                algorithm=asn1.encode_der(outer.algorithm),
                signature=whole_bytes(outer.signature),
                _inside=outer.body,
            )
        except UNREADABLE as cause:
            raise CrlRejected(f"{what} is not a certificate revocation list") from cause

    def read(self, *, what: str) -> WholeList:
        """Read the body.

        Raises:
            CrlRejected: it is none, not of version 2, or not complete.
        """
        try:
            body = self._inside.parse(_Body)
            inner_algorithm = asn1.encode_der(body.algorithm)
        except UNREADABLE as cause:
            raise CrlRejected(f"{what} is not a list of version 2 that says when the next one is due") from cause
        entries, extensions = body.entries or [], body.extensions or []
        details = [detail for entry in entries for detail in entry.extensions or []]
        if (
            body.version != _V2
            or inner_algorithm != self.algorithm
            or any(each.critical for each in (*details, *extensions))
            or any(each.oid in _PARTIAL for each in extensions)
        ):
            raise CrlRejected(f"{what} is not a complete list, or has extensions that are critical and unknown")
        return WholeList(
            issuer=body.issuer,
            revoked=frozenset(entry.serial_number for entry in entries),
            validity=Validity(what=what, begins=body.begins.as_datetime(), ends=body.ends.as_datetime()),
            has_extensions=bool(extensions),
        )


@asn1.sequence
class _List:
    body: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class _Entry:
    serial_number: int
    date: asn1.UTCTime | asn1.GeneralizedTime
    extensions: list[Extension] | None


@asn1.sequence
class _Body:
    version: int
    algorithm: asn1.TLV
    issuer: asn1.TLV
    begins: asn1.UTCTime | asn1.GeneralizedTime
    ends: asn1.UTCTime | asn1.GeneralizedTime
    entries: list[_Entry] | None
    extensions: Annotated[list[Extension] | None, asn1.Explicit(0)]
