"""The argument that a quote is genuine, step by step, without any I/O.

What a step finds depends on bytes only, never on the clock, so steps are remembered by the content
they looked at: the second quote of a platform costs one or two signatures instead of ten. Windows of time
are part of what is remembered, and are compared with the clock at every verification. Failures are not remembered.

Sources: Intel SGX ECDSA Quote Library Reference, "Quote verification"; Intel TDX DCAP Quoting Library API;
Intel PCS API version 4.
"""

from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from caisson.errors import Malformed, QuoteRejected, QuoteSignatureRejected
from caisson.evidence.intel import ecdsa
from caisson.evidence.intel.certification import pck_chain
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.path import public_key
from caisson.evidence.intel.standing import Standing, domain_standing, enclave_standing
from caisson.evidence.intel.tcb import SGX, TDX
from caisson.evidence.intel.verified import VerifiedQuote, VerifiedTd
from caisson.evidence.intel.vouching import CertifiedKey, attestation_key, certified_key, claimed_key, pck_path
from caisson.evidence.roots import RootKey
from caisson.evidence.validity import Validities
from caisson.sgx import ECDSA_P256, INTEL_QE_VENDOR, BodyKind, QuoteParts, ReportBody, ReportData, Voucher
from caisson.tdx import parse_td_body

MOST_QUOTE_BYTES = 64 * 1024

_HEADER = ("attestation key type", "TEE type", "QE vendor")


def verify_quote(raw: bytes, collateral: Collateral, *, roots: frozenset[RootKey], at: datetime) -> VerifiedQuote:
    """Verify an enclave's quote, of version 3, 4 or 5, and say what it proves. See `verify_intel_quote`.

    Raises:
        Malformed: not a quote, or collateral that is not what it claims to be.
        EvidenceRejected: one of its kinds for each step; `QuoteRejected` for the quote of a trust domain.
        UsageError: `at` has no time zone.
    """
    verified = verify_intel_quote(raw, collateral, roots=roots, at=at)
    if not isinstance(verified, VerifiedQuote):
        raise QuoteRejected("quote is a trust domain's, and an enclave's is asked for")
    return verified


def verify_intel_quote(
    raw: bytes, collateral: Collateral, *, roots: frozenset[RootKey], at: datetime
) -> VerifiedQuote | VerifiedTd:
    """Verify the quote of an enclave or of a trust domain, and say what it proves.

    The plan:

    1. The quote is well-formed, and of a kind that is understood: ECDSA on P-256, Intel's quoting
       enclave, certified by a PEM chain, or by the name of a PCK whose chain the collateral has.
    2. The PCK certificate chains to one of `roots`, with path constraints and roles.
    3. The revocation lists are whole and signed by the root and by the PCK's authority; neither the PCK, nor its
       authority, nor a signer of collateral is on them.
    4. TCB info and QE identity are signed under the same root, and for this kind of evidence.
    5. The TCB info is for the platform of the PCK (FMSPC and PCE-ID).
    6. The quoting enclave's REPORT is signed by the PCK.
    7. That REPORT carries the hash of the attestation key.
    8. The quoting enclave is the one of the QE identity.
    9. Every certificate, revocation list and statement is valid at `at`.
    10. The quote is signed by the attestation key.
    11. A trust domain runs under a TDX module of the TCB info. The platform has a TCB level, which is joined with those
        of quoting enclave and TDX module, and for TDX 1.5 with the level of what runs below the domain now.

    Debug enclaves and bad TCB statuses are genuine: the policy decides about them.

    Raises:
        Malformed: not a quote, or collateral that is not what it claims to be.
        EvidenceRejected: one of its kinds for each step.
        UsageError: `at` has no time zone.
    """
    # 1. The quote.
    parts = _parse(raw)
    is_enclave = parts.kind is BodyKind.SGX
    report = ReportBody.parse(parts.body) if is_enclave else parse_td_body(parts.body)
    # 2. to 8. The key that signed it: what vouches for it is the same for every quote of the key.
    tee = SGX if is_enclave else TDX
    key = certified_key(parts.voucher, parts.version, tee, collateral, roots, collateral.pck_certificate_chain)
    # 9. The clock.
    key.validities.require(at)
    # 10. The quote's signature.
    _require_signed(parts, key.public_key)
    # 11. What all this is worth.
    if isinstance(report, ReportBody):
        standing = enclave_standing(key.platform, key.qe_tcb)
        return VerifiedQuote(report=report, **_known(key, standing, at))
    standing = domain_standing(key, report)
    return VerifiedTd(body=report, current_tcb=standing.current, **_known(key, standing, at))


def check_signatures(raw: bytes, *, roots: frozenset[RootKey], at: datetime, chain: bytes | None = None) -> ReportData:
    """Check what a quote shows without collateral, and give its report data; nothing is verified by that.

    It is for whoever would fetch collateral for a stranger's quote: a forged one is worth asking nobody. These are the
    steps 1, 2, 6, 7 and 10 of `verify_intel_quote`, and 9 for the PCK's path. What they leave open is whether the
    platform was revoked, what its TCB is worth, and which enclave vouched for the key. `chain` is the PCK's, for quotes
    that only name their PCK.

    Raises:
        Malformed: not a quote.
        EvidenceRejected: one of its kinds for each step; `QuoteRejected` if nobody gives the PCK's chain.
        UsageError: `at` has no time zone.
    """
    # 1. The quote.
    parts, voucher, report_data = _read(raw)
    # 2. and 9. The PCK's path, at this time.
    path = pck_path(pck_chain(voucher, chain)[0], roots)
    Validities.of(path.validities).require(at)
    # 6. and 7. The attestation key.
    key = attestation_key(voucher, public_key(path.leaf))
    # 10. The quote's signature.
    _require_signed(parts, key)
    return report_data


def check_own_signatures(raw: bytes) -> ReportData:
    """Check what a quote shows before its PCK's chain is there, and give its report data: steps 1, 7 and 10.

    It keeps broken quotes away and nobody else: whoever makes keys of their own can make such a quote.

    Raises:
        Malformed: not a quote.
        EvidenceRejected: one of its kinds for each step.
    """
    parts, voucher, report_data = _read(raw)
    _require_signed(parts, claimed_key(voucher))
    return report_data


def _read(raw: bytes) -> tuple[QuoteParts, Voucher, ReportData]:
    parts = _parse(raw)
    body = ReportBody.parse(parts.body) if parts.kind is BodyKind.SGX else parse_td_body(parts.body)
    return parts, Voucher.parse(parts.voucher, version=parts.version), body.report_data


def _require_signed(parts: QuoteParts, key: EllipticCurvePublicKey) -> None:
    ecdsa.verify(
        key,
        parts.signature,
        parts.signed,
        otherwise=lambda: QuoteSignatureRejected("quote is not signed by its attestation key"),
    )


def _known(key: CertifiedKey, standing: Standing, at: datetime) -> dict[str, Any]:
    platform = key.platform
    return {
        "root": platform.path.root,
        "root_name": platform.path.certificates[-1].common_name,
        "pck": platform.pck,
        "tcb": standing.tcb,
        "platform_tcb": standing.platform,
        "qe_tcb": key.qe_tcb,
        "tcb_evaluation_data_number": platform.collateral.evaluation_data_number,
        "collateral_issued": platform.collateral.issued,
        "verified_at": at,
        "expires": platform.validities.ends,
    }


def _parse(raw: bytes) -> QuoteParts:
    if len(raw) > MOST_QUOTE_BYTES:
        raise Malformed(f"quote has {len(raw)} bytes, more than {MOST_QUOTE_BYTES}")
    parts = QuoteParts.parse(raw)
    # In version 3 the TEE type is reserved; in later ones it belongs to the kind of the body.
    expected = (ECDSA_P256, parts.kind.tee_type, INTEL_QE_VENDOR)
    found = (parts.attestation_key_type, parts.tee_type, parts.qe_vendor_id)
    if found != expected:
        what, wanted, has = next(each for each in zip(_HEADER, expected, found, strict=True) if each[1] != each[2])
        raise QuoteRejected(f"quote has {what} {_word(has)}, not {_word(wanted)}")
    return parts


def _word(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
