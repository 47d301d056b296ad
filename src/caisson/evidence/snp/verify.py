"""The argument that an SEV-SNP report is genuine, step by step, without any I/O.

What vouches for an endorsement key depends on bytes only, never on the clock, so it is remembered by content: the
second report of a chip costs one signature. Windows of time are part of what is remembered, and are compared
with the clock at every verification. Failures are not remembered.

Sources: AMD SEV-SNP Firmware ABI Specification (56860); AMD VCEK Certificate and KDS Interface Specification (57230).
"""

from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from caisson.errors import (
    ChipMismatch,
    GuestPolicyRejected,
    ProductMismatch,
    ReportRejected,
    ReportSignatureRejected,
    SigningKeyMismatch,
    TcbMismatch,
    VmplRejected,
)
from caisson.evidence.roots import RootKey
from caisson.evidence.snp.endorsement import endorse
from caisson.evidence.snp.vek import Vek
from caisson.evidence.snp.verified import VerifiedSnpReport
from caisson.snp import ECDSA_P384_SHA384, Product, Report, SigningKey

_ALGORITHM = ECDSA(SHA384())
_MOST_VMPL = 3


def verify_snp(
    report: bytes,
    vek: bytes,
    chain: bytes,
    *,
    roots: frozenset[RootKey],
    at: datetime,
    crl: bytes | None = None,
) -> VerifiedSnpReport:
    """Verify a report under `roots`, as of `at`.

    `vek` is the VCEK's or VLEK's certificate, `chain` its authority's and the root's, one after the other (DER or PEM),
    `crl` the root's revocation list (DER), which is checked where it is given.

    The plan:

    1. The report is well formed and of a kind that is understood: signed with ECDSA on P-384, at the request of one
       of the guest's own privilege levels, with a guest policy whose reserved bits are as firmware sets them.
    2. The endorsement key's certificate chains to one of `roots`: ARK, then ASK or ASVK, then VCEK or VLEK, with the
       names, constraints, algorithms and extensions of these roles, all for one product.
    3. The revocation list, if there is one, is the root's, and neither the root nor the authority is on it.
    4. The report was signed with the kind of key that the certificate is for.
    5. The processor is of the product that the certificates are for.
    6. The reported TCB version is the one in the certificate, and neither it nor the committed one is newer than the
       one that runs.
    7. The chip is the one in the certificate, unless the host hides it: the VCEK is one chip's all the same. A VLEK
       stands for any chip of its provider.
    8. Every certificate and revocation list is valid at `at`.
    9. The report is signed by the endorsement key.

    Debugging, migration, old firmware and masked chips are genuine: the policy decides about them.

    Raises:
        Malformed: not a report, or certificates that are not what they claim to be.
        EvidenceRejected: one of its kinds for each step.
        UsageError: `at` has no time zone.
    """
    # 1. The report.
    parsed = _parse(report)
    # 2. and 3. The key that is said to have signed it.
    endorsement = endorse(vek, chain, crl, roots)
    key = endorsement.vek
    # 4. The kind of key.
    if parsed.key_info.signing_key is not key.kind:
        raise SigningKeyMismatch(
            f"report is signed with a {parsed.key_info.signing_key.name}, and the certificate is for a {key.kind.name}"
        )
    # 5. The product.
    _require_product(parsed, key.product)
    # 6. The firmware.
    current, reported, committed, launch = (
        tcb.components(key.product)
        for tcb in (parsed.current_tcb, parsed.reported_tcb, parsed.committed_tcb, parsed.launch_tcb)
    )
    if reported != key.tcb:
        raise TcbMismatch(
            f"report is of TCB version ({reported}), and the certificate is for ({key.tcb})",
            hint="fetch the certificate that belongs to the report's TCB version",
        )
    for what, tcb in (("reported", reported), ("committed", committed)):
        if not tcb.at_most(current):
            raise TcbMismatch(f"the {what} TCB version ({tcb}) is newer than the one that runs ({current})")
    # 7. The chip.
    _require_chip(parsed, key)
    # 8. The clock.
    endorsement.validities.require(at)
    # 9. The report's signature.
    signature = encode_dss_signature(parsed.signature.r, parsed.signature.s)
    try:
        key.public_key.verify(signature, report[: Report.SIGNED_SIZE], _ALGORITHM)
    except InvalidSignature as cause:
        raise ReportSignatureRejected(f"report is not signed by the {key.kind.name} of the certificate") from cause
    return VerifiedSnpReport(
        report=parsed,
        product=key.product,
        root=endorsement.root,
        root_name=endorsement.root_name,
        signing_key=key.kind,
        chip_id=parsed.chip_id if key.chip_id is None else key.chip_id,
        csp_id=key.csp_id,
        current_tcb=current,
        reported_tcb=reported,
        committed_tcb=committed,
        launch_tcb=launch,
        revocation_list_issued=endorsement.revocation_list_issued,
        verified_at=at,
        expires=endorsement.validities.ends,
    )


def _parse(raw: bytes) -> Report:
    report = Report.parse(raw)
    if report.signature_algorithm != ECDSA_P384_SHA384 or report.key_info.signing_key is SigningKey.NONE:
        raise ReportRejected(
            f"report has signature algorithm {report.signature_algorithm} and key {report.key_info.signing_key.name}, "
            f"not {ECDSA_P384_SHA384} (ECDSA on P-384 with SHA-384) and a VCEK or VLEK"
        )
    if report.vmpl > _MOST_VMPL:
        # The host may ask for reports too (0xFFFFFFFF); their report data says nothing about the guest.
        raise VmplRejected(f"report was asked for at privilege level {report.vmpl:#x}, which is none of the guest's")
    if not report.policy.well_formed:
        raise GuestPolicyRejected(
            f"guest policy {report.policy.bits:#x} has reserved bits that are not as they must be"
        )
    return report


def _require_product(report: Report, product: Product) -> None:
    cpuid = report.cpuid
    if cpuid is not None and cpuid.product is not product:
        raise ProductMismatch(
            f"report was made by a processor of family {cpuid.family:#x} and model {cpuid.model:#x}, "
            f"which is not known as a {product.value}, and the certificates are for a {product.value}"
        )


def _require_chip(report: Report, key: Vek) -> None:
    if key.chip_id is not None and not report.chip_id.masked and report.chip_id != key.chip_id:
        raise ChipMismatch(f"report is of chip {report.chip_id}, and the certificate is for chip {key.chip_id}")
