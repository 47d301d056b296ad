"""Every error Caisson raises on purpose, in one tree.

::

    CaissonError
    ├── Rejected             examined, and the answer is no              (exit 1)
    │   ├── Malformed        bytes that are not what they claim to be
    │   ├── SignatureRejected
    │   ├── PlatformRejected the SGX platform refused an instruction
    │   │   └── LaunchRejected   EINIT said no
    │   ├── EvidenceRejected
    │   │   ├── QuoteRejected           a kind of quote that is not accepted
    │   │   ├── ChainRejected           a certificate path that does not hold
    │   │   ├── UntrustedRoot           a path that ends in another root
    │   │   ├── CrlRejected             a revocation list that does not hold
    │   │   ├── CertificateRevoked
    │   │   ├── TcbInfoRejected         TCB info that Intel did not sign
    │   │   ├── PlatformMismatch        TCB info of another platform
    │   │   ├── QeIdentityRejected
    │   │   ├── QeReportRejected
    │   │   ├── AttestationKeyRejected
    │   │   ├── QeMismatch              another enclave than the quoting enclave
    │   │   ├── QuoteSignatureRejected
    │   │   ├── TdxModuleMismatch       a trust domain under a TDX module nobody knows
    │   │   ├── ReportRejected          a kind of SNP report that is not accepted
    │   │   ├── VmplRejected            an SNP report that no guest asked for
    │   │   ├── GuestPolicyRejected     an SNP guest policy that firmware does not know
    │   │   ├── SigningKeyMismatch      an SNP report by another kind of key than its certificate's
    │   │   ├── ProductMismatch         another processor than the certificates'
    │   │   ├── TcbMismatch             another SNP TCB than the certificate's
    │   │   ├── ChipMismatch            another chip than the certificate's
    │   │   ├── ReportSignatureRejected
    │   │   ├── NotYetValid
    │   │   ├── Expired
    │   │   └── BindingRejected         genuine, but about something else
    │   ├── PolicyRejected   genuine, but not what the policy accepts
    │   ├── NonceRejected    a challenge that is unknown, used or expired
    │   ├── TokenRejected    an operator's token that is not valid
    │   ├── SealBroken       a stored record that does not open
    │   ├── FileRejected     an encrypted file that does not open: another key or path, or changed
    │   ├── AuditRejected    an audit log whose chain is broken
    │   ├── Unknown          nothing has that name
    │   ├── ProvenanceRejected   statements about an image that do not hold
    │   └── ImageRejected    an image that is not what it claims to be
    │       └── ImageChanged        a confidential image that is not as it was signed
    ├── UsageError           the caller asked for something impossible   (exit 2)
    └── Unavailable          no verdict: network, device, collateral     (exit 3)
        └── TooMany          a limit is reached for now

Callers must be able to tell *no* from *don't know*: only `Rejected` is an answer.
Anything outside this tree that reaches the command line is a bug (exit 70).
"""

import re

__all__ = [
    "AttestationKeyRejected",
    "AuditRejected",
    "BindingRejected",
    "CaissonError",
    "CertificateRevoked",
    "ChainRejected",
    "ChipMismatch",
    "CrlRejected",
    "EvidenceRejected",
    "Expired",
    "FileRejected",
    "GuestPolicyRejected",
    "ImageChanged",
    "ImageRejected",
    "LaunchRejected",
    "Malformed",
    "NonceRejected",
    "NotYetValid",
    "PlatformMismatch",
    "PlatformRejected",
    "PolicyRejected",
    "ProductMismatch",
    "ProvenanceRejected",
    "QeIdentityRejected",
    "QeMismatch",
    "QeReportRejected",
    "QuoteRejected",
    "QuoteSignatureRejected",
    "Rejected",
    "ReportRejected",
    "ReportSignatureRejected",
    "SealBroken",
    "SignatureRejected",
    "SigningKeyMismatch",
    "TcbInfoRejected",
    "TcbMismatch",
    "TdxModuleMismatch",
    "TokenRejected",
    "TooMany",
    "Unavailable",
    "Unknown",
    "UntrustedRoot",
    "UsageError",
    "VmplRejected",
]


_ERRNO = re.compile(r"\[Errno -?[0-9]+\] ")


class CaissonError(Exception):
    """The base of the tree; never raised itself.

    `message` says what is wrong, in lower case and without a final period;
    `hint` says what to do about it, where there is something to do. The system's numbers for its errors, which
    Python puts before its words for them, are no news to people.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = _ERRNO.sub("", message)
        super().__init__(self.message)
        self.hint = hint


class Rejected(CaissonError):
    """The thing was examined and refused."""


class Malformed(Rejected):
    """The bytes are not a well-formed value of the format they claim."""


class SignatureRejected(Rejected):
    """A signature does not verify, or was made by a key that is not acceptable."""


class PlatformRejected(Rejected):
    """The SGX platform refused what an enclave or its loader asked; `code` is the SDM's error name."""

    def __init__(self, code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{code}: {message}", hint=hint)
        self.code = code


class LaunchRejected(PlatformRejected):
    """The platform refused to initialise an enclave."""


class EvidenceRejected(Rejected):
    """Evidence that is not genuine, or no longer trustworthy."""


class QuoteRejected(EvidenceRejected):
    """The quote is of a kind that is not accepted: its version, key type, vendor or certification data."""


class ChainRejected(EvidenceRejected):
    """A certificate path does not hold: its length, roles, constraints, algorithms or signatures."""


class UntrustedRoot(EvidenceRejected):
    """A certificate path ends in a root that is not accepted."""


class CrlRejected(EvidenceRejected):
    """A revocation list is not its issuer's, or not one that can be relied on."""


class CertificateRevoked(EvidenceRejected):
    """A certificate is on its issuer's revocation list."""


class TcbInfoRejected(EvidenceRejected):
    """The TCB info is not signed by its signer, or not for this kind of evidence."""


class PlatformMismatch(EvidenceRejected):
    """The TCB info is for another kind of platform than the one that made the quote."""


class QeIdentityRejected(EvidenceRejected):
    """The quoting enclave's identity is not signed by its signer, or not for this kind of evidence."""


class QeReportRejected(EvidenceRejected):
    """The quoting enclave's REPORT is not signed by the platform's PCK."""


class AttestationKeyRejected(EvidenceRejected):
    """The attestation key is not the one that the quoting enclave's REPORT vouches for."""


class QeMismatch(EvidenceRejected):
    """The enclave that vouches for the attestation key is not the quoting enclave of the identity."""


class QuoteSignatureRejected(EvidenceRejected):
    """The quote is not signed by its attestation key."""


class TdxModuleMismatch(EvidenceRejected):
    """The trust domain runs under a TDX module that is none of those in the TCB info."""


class ReportRejected(EvidenceRejected):
    """The SNP report is of a kind that is not accepted: its signature algorithm, or no signature at all."""


class VmplRejected(EvidenceRejected):
    """The SNP report was not asked for by one of the guest's four privilege levels."""


class GuestPolicyRejected(EvidenceRejected):
    """The SNP guest's policy has reserved bits that no firmware sets, or whose meaning is not known."""


class SigningKeyMismatch(EvidenceRejected):
    """The SNP report names another kind of signing key than the one that the certificate is for."""


class ProductMismatch(EvidenceRejected):
    """The report was made by another kind of processor than the certificates are for."""


class TcbMismatch(EvidenceRejected):
    """The report's TCB versions do not fit the certificate, or each other."""


class ChipMismatch(EvidenceRejected):
    """The report names another chip than the certificate is for."""


class ReportSignatureRejected(EvidenceRejected):
    """The SNP report is not signed by the certified key."""


class NotYetValid(EvidenceRejected):
    """Something the evidence rests on is not valid yet at the time of verification."""


class Expired(EvidenceRejected):
    """Something the evidence rests on is no longer valid at the time of verification."""


class BindingRejected(EvidenceRejected):
    """The evidence is genuine, but vouches for something else than what it came with."""


class PolicyRejected(Rejected):
    """Genuine evidence that the policy does not accept; `reasons` lists every mismatch."""

    def __init__(self, reasons: tuple[str, ...], *, hint: str | None = None) -> None:
        super().__init__("policy: " + "; ".join(reasons), hint=hint)
        self.reasons = reasons


class ImageRejected(Rejected):
    """An image, layer or archive that is not what it claims to be."""


class ImageChanged(ImageRejected):
    """A confidential image that is not as it was signed; `reasons` lists every change."""

    def __init__(self, reasons: tuple[str, ...], *, hint: str | None = None) -> None:
        super().__init__("image was changed: " + "; ".join(reasons), hint=hint)
        self.reasons = reasons


class ProvenanceRejected(Rejected):
    """What is attached to an image is missing, or says something else than the image; `reasons` lists all of it."""

    def __init__(self, reasons: tuple[str, ...], *, hint: str | None = None) -> None:
        super().__init__("provenance: " + "; ".join(reasons), hint=hint)
        self.reasons = reasons


class NonceRejected(Rejected):
    """The key server does not know the nonce: never given out, already used, or expired."""


class TokenRejected(Rejected):
    """An operator's token that is missing, unknown or revoked."""


class SealBroken(Rejected):
    """A stored record that was changed, moved, or sealed under another root key."""


class FileRejected(Rejected):
    """An encrypted file that does not open: another key or path, cut off, or changed anywhere."""


class AuditRejected(Rejected):
    """An audit log that was changed, shortened, or belongs to another server."""


class Unknown(Rejected):
    """Nothing has the name that was asked for."""


class UsageError(CaissonError):
    """The request itself cannot be carried out as written."""


class Unavailable(CaissonError):
    """No verdict could be reached; trying again later may help, trusting never does."""


class TooMany(Unavailable):
    """A limit is reached for now; later there is room again, in `after` seconds if that is known."""

    def __init__(self, message: str, *, hint: str | None = None, after: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.after = after
