"""Certificate revocation lists: whole, current, of the right issuer.

Source: RFC 5280, sections 5 and 6.3.
"""

from dataclasses import dataclass

from caisson.errors import CertificateRevoked, CrlRejected
from caisson.evidence.certificate import Certificate, name_bytes
from caisson.evidence.intel.path import is_signed
from caisson.evidence.signed_list import SignedList
from caisson.evidence.validity import Validity


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
        signed = SignedList.parse(der, what=what)
        if not is_signed(signed.body, signed.signature, algorithm=signed.algorithm, by=issuer):
            raise CrlRejected(f"{what} is not signed by `{issuer.common_name}`")
        whole = signed.read(what=what)
        if name_bytes(whole.issuer) != issuer.subject:
            raise CrlRejected(f"{what} bears another name than that of `{issuer.common_name}`")
        if not whole.has_extensions:
            raise CrlRejected(f"{what} has no extensions")
        return cls(what=what, issuer=issuer, revoked=whole.revoked, validity=whole.validity)

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
