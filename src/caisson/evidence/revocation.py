"""Certificate revocation lists: whole, current, of the right issuer.

Source: RFC 5280, sections 5 and 6.3.
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtensionOID, SignatureAlgorithmOID

from caisson.errors import CertificateRevoked, CrlRejected
from caisson.evidence.certificates import common_name, public_key
from caisson.evidence.validity import Validity

_PARTIAL = frozenset({ExtensionOID.DELTA_CRL_INDICATOR, ExtensionOID.ISSUING_DISTRIBUTION_POINT})


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A list whose signature and form were checked; `what` names it in messages."""

    what: str
    issuer: x509.Certificate
    revoked: frozenset[int]
    validity: Validity

    @classmethod
    def verify(cls, der: bytes, *, what: str, issuer: x509.Certificate) -> "RevocationList":
        """Check that `der` is a complete list that `issuer` signed, and read it.

        Raises:
            CrlRejected: not such a list.
        """
        try:
            crl = x509.load_der_x509_crl(der)
            extensions, entries, next_update = crl.extensions, list(crl), crl.next_update_utc
            signed = crl.is_signature_valid(public_key(issuer))
            critical_entries = any(extension.critical for entry in entries for extension in entry.extensions)
        except (ValueError, TypeError, InvalidSignature, x509.DuplicateExtension, x509.InvalidVersion) as cause:
            raise CrlRejected(f"{what} is not a certificate revocation list") from cause
        if crl.issuer != issuer.subject:
            raise CrlRejected(f"{what} was issued by `{crl.issuer.rfc4514_string()}`, not by `{common_name(issuer)}`")
        if crl.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256 or not signed:
            raise CrlRejected(f"{what} is not signed by `{common_name(issuer)}`")
        if next_update is None:
            raise CrlRejected(f"{what} does not say when the next one is due")
        if critical_entries or any(each.critical or each.oid in _PARTIAL for each in extensions):
            raise CrlRejected(f"{what} is not a complete list, or has extensions that are critical and unknown")
        return cls(
            what=what,
            issuer=issuer,
            revoked=frozenset(entry.serial_number for entry in entries),
            validity=Validity(what=what, begins=crl.last_update_utc, ends=next_update),
        )

    def require_absent(self, certificate: x509.Certificate) -> None:
        """Refuse a certificate that is on the list, or that another authority issued.

        Raises:
            CertificateRevoked: it is on the list.
            CrlRejected: the list says nothing about certificates of that issuer.
        """
        if certificate.issuer != self.issuer.subject:
            raise CrlRejected(
                f"{self.what} says nothing about `{common_name(certificate)}`: another authority issued it"
            )
        if certificate.serial_number in self.revoked:
            raise CertificateRevoked(
                f"certificate `{common_name(certificate)}` with serial number {certificate.serial_number:x} is revoked"
            )
