"""AMD's revocation lists: of the root's, with the authorities it has taken back.

Source: AMD VCEK Certificate and KDS Interface Specification (57230), chapter 4; RFC 5280, section 5.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA384

from caisson.errors import CertificateRevoked, CrlRejected
from caisson.evidence.certificate import Certificate, name_bytes
from caisson.evidence.signed_list import SignedList
from caisson.evidence.snp.certificate import ALGORITHMS, PSS_SHA384, rsa_key
from caisson.evidence.validity import Validity

_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A whole list that a root signed."""

    revoked: frozenset[int]
    validity: Validity

    @classmethod
    def verify(cls, der: bytes, *, issuer: Certificate) -> "RevocationList":
        """Check that `der` is a complete list that `issuer` signed, and read it.

        Raises:
            CrlRejected: not such a list.
        """
        what = f"revocation list of `{issuer.common_name}`"
        signed = SignedList.parse(der, what=what, most_bytes=_MOST_BYTES)
        if signed.algorithm not in ALGORITHMS:
            raise CrlRejected(f"{what} is signed in another way than AMD signs")
        try:
            rsa_key(issuer).verify(signed.signature, signed.body, PSS_SHA384, SHA384())
        except InvalidSignature as cause:
            raise CrlRejected(f"{what} is not signed by that root") from cause
        whole = signed.read(what=what)
        if name_bytes(whole.issuer) != issuer.subject:
            raise CrlRejected(f"{what} is not of that issuer")
        return cls(revoked=whole.revoked, validity=whole.validity)

    def require_absent(self, certificate: Certificate) -> None:
        """Refuse a certificate of the same root that is on the list.

        Raises:
            CertificateRevoked: it is.
        """
        if certificate.serial_number in self.revoked:
            raise CertificateRevoked(
                f"certificate `{certificate.common_name}` with serial number {certificate.serial_number:x} is revoked"
            )
