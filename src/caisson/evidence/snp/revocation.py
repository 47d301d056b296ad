"""AMD's revocation lists: of the root's, with the authorities it has taken back.

Source: AMD VCEK Certificate and KDS Interface Specification (57230), chapter 4; RFC 5280, section 5.
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.oid import ExtensionOID

from caisson.errors import CertificateRevoked, CrlRejected
from caisson.evidence.snp.certificate import ALGORITHMS, PSS_SHA384, AmdCertificate
from caisson.evidence.validity import Validity

_MOST_BYTES = 64 * 1024
_PARTIAL = frozenset({ExtensionOID.DELTA_CRL_INDICATOR, ExtensionOID.ISSUING_DISTRIBUTION_POINT})


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A whole list that a root signed."""

    revoked: frozenset[int]
    validity: Validity

    @classmethod
    def verify(cls, der: bytes, *, issuer: AmdCertificate) -> "RevocationList":
        """Check that `der` is a complete list that `issuer` signed, and read it.

        Raises:
            CrlRejected: not such a list.
        """
        what = f"revocation list of `{issuer.common_name}`"
        if len(der) > _MOST_BYTES:
            raise CrlRejected(f"{what} has {len(der)} bytes, more than {_MOST_BYTES}")
        try:
            crl = x509.load_der_x509_crl(der)
            algorithm = asn1.encode_der(asn1.decode_der(_List, der).algorithm)
            name, extensions, entries = crl.issuer.public_bytes(), crl.extensions, list(crl)
            begins, ends = crl.last_update_utc, crl.next_update_utc
            critical_entries = any(extension.critical for entry in entries for extension in entry.extensions)
        except (ValueError, TypeError, x509.DuplicateExtension, x509.InvalidVersion, UnsupportedAlgorithm) as cause:
            raise CrlRejected(f"{what} is not a certificate revocation list") from cause
        if algorithm not in ALGORITHMS or name != issuer.subject:
            raise CrlRejected(f"{what} is not of that issuer, or signed in another way")
        try:
            issuer.rsa_key().verify(crl.signature, crl.tbs_certlist_bytes, PSS_SHA384, SHA384())
        except InvalidSignature as cause:
            raise CrlRejected(f"{what} is not signed by that root") from cause
        if ends is None:
            raise CrlRejected(f"{what} does not say when the next one is due")
        if critical_entries or any(each.critical or each.oid in _PARTIAL for each in extensions):
            raise CrlRejected(f"{what} is not a complete list, or has extensions that are critical and unknown")
        return cls(
            revoked=frozenset(entry.serial_number for entry in entries),
            validity=Validity(what=what, begins=begins, ends=ends),
        )

    def require_absent(self, certificate: AmdCertificate) -> None:
        """Refuse a certificate of the same root that is on the list.

        Raises:
            CertificateRevoked: it is.
        """
        if certificate.serial_number in self.revoked:
            raise CertificateRevoked(
                f"certificate `{certificate.common_name}` with serial number {certificate.serial_number:x} is revoked"
            )


@asn1.sequence
class _List:
    body: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString
