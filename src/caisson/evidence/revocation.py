"""Certificate revocation lists: whole, current, of the right issuer.

Source: RFC 5280, sections 5 and 6.3.
"""

from dataclasses import dataclass
from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509.oid import ExtensionOID

from caisson.errors import CertificateRevoked, CrlRejected
from caisson.evidence.certificate import UNREADABLE, Certificate, Extension, name_bytes, whole_bytes
from caisson.evidence.path import is_signed
from caisson.evidence.validity import Validity

MOST_BYTES = 4 * 1024 * 1024
_V2 = 1
_PARTIAL = frozenset({ExtensionOID.DELTA_CRL_INDICATOR, ExtensionOID.ISSUING_DISTRIBUTION_POINT})


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A list whose signature and form were checked; `what` names it in messages."""

    what: str
    issuer: Certificate
    revoked: frozenset[int]
    validity: Validity

    @classmethod
    def verify(cls, der: bytes, *, what: str, issuer: Certificate) -> "RevocationList":
        """Check that `der` is a complete list that `issuer` signed, and read it.

        Raises:
            CrlRejected: not such a list.
        """
        if len(der) > MOST_BYTES:
            raise CrlRejected(f"{what} has {len(der)} bytes, more than {MOST_BYTES}")
        try:
            outer = asn1.decode_der(_List, der)
            signed, algorithm = asn1.encode_der(outer.body), asn1.encode_der(outer.algorithm)
            signature = whole_bytes(outer.signature)
        except UNREADABLE as cause:
            raise CrlRejected(f"{what} is not a certificate revocation list") from cause
        if not is_signed(signed, signature, algorithm=algorithm, by=issuer):
            raise CrlRejected(f"{what} is not signed by `{issuer.common_name}`")
        try:
            body = outer.body.parse(_Body)
            inner_algorithm, name = asn1.encode_der(body.algorithm), name_bytes(body.issuer)
        except UNREADABLE as cause:
            raise CrlRejected(f"{what} is not a list of version 2 that says when the next one is due") from cause
        if name != issuer.subject:
            raise CrlRejected(f"{what} bears another name than that of `{issuer.common_name}`")
        entries = body.entries or []
        details = [detail for entry in entries for detail in entry.extensions or []]
        if (
            body.version != _V2
            or inner_algorithm != algorithm
            or any(each.critical for each in (*details, *body.extensions))
            or any(each.oid in _PARTIAL for each in body.extensions)
        ):
            raise CrlRejected(f"{what} is not a complete list, or has extensions that are critical and unknown")
        return cls(
            what=what,
            issuer=issuer,
            revoked=frozenset(entry.serial_number for entry in entries),
            validity=Validity(what=what, begins=body.begins.as_datetime(), ends=body.ends.as_datetime()),
        )

    def require_absent(self, certificate: Certificate) -> None:
        """Refuse a certificate that is on the list, or that another authority issued.

        Raises:
            CertificateRevoked: it is on the list.
            CrlRejected: the list says nothing about certificates of that issuer.
        """
        name = certificate.common_name
        if certificate.issuer != self.issuer.subject:
            raise CrlRejected(f"{self.what} says nothing about `{name}`: another authority issued it")
        if certificate.serial_number in self.revoked:
            raise CertificateRevoked(
                f"certificate `{name}` with serial number {certificate.serial_number:x} is revoked"
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
    extensions: Annotated[list[Extension], asn1.Explicit(0)]
