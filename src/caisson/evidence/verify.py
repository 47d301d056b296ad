"""The argument that a quote is genuine, step by step, without any I/O.

What a step finds depends on bytes only, never on the clock, so steps are remembered by the content
they looked at: the second quote of a platform costs one or two signatures instead of ten. Windows of time
are part of what is remembered, and are compared with the clock at every verification. Failures are not remembered.

Sources: Intel SGX ECDSA Quote Library Reference, "Quote verification"; Intel TDX DCAP Quoting Library API;
Intel PCS API version 4.
"""

from datetime import datetime
from typing import Any

from caisson.errors import Malformed, QuoteRejected, QuoteSignatureRejected, TdxModuleMismatch
from caisson.evidence import ecdsa
from caisson.evidence.collateral import Collateral
from caisson.evidence.roots import RootKey
from caisson.evidence.tcb import NOT_SUPPORTED, SGX, TDX, TcbVerdict
from caisson.evidence.tdx.levels import tdx_verdict
from caisson.evidence.tdx.relaunch import relaunched
from caisson.evidence.verified import VerifiedQuote, VerifiedTd
from caisson.evidence.vouching import CertifiedKey, Voucher, certified_key
from caisson.sgx import (
    ECDSA_P256,
    INTEL_QE_VENDOR,
    TEE_SGX,
    Quote,
    Quote4,
    ReportBody,
    TdBodyBytes,
    parse_quote,
)
from caisson.tdx import TdBody, TdBody15, TeeTcbSvn, parse_td_body

MOST_QUOTE_BYTES = 64 * 1024
_TEES = {ReportBody: SGX, TdBodyBytes: TDX}


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
       enclave, certified by a PEM chain.
    2. The PCK certificate chains to one of `roots`, with path constraints and roles.
    3. The revocation lists are whole and signed by the root and by the PCK's authority; neither the PCK, nor its
       authority, nor a signer of collateral is on them.
    4. TCB info and QE identity are signed under the same root, and for this kind of evidence.
    5. The TCB info is for the platform of the PCK (FMSPC and PCE-ID), and gives its TCB level.
    6. The quoting enclave's REPORT is signed by the PCK.
    7. That REPORT carries the hash of the attestation key.
    8. The quoting enclave is the one of the QE identity, and of a known security version.
    9. Every certificate, revocation list and statement is valid at `at`.
    10. The quote is signed by the attestation key.
    11. A trust domain runs under a TDX module of the TCB info, and its TCB level counts the module's, too.

    Debug enclaves and bad TCB statuses are genuine: the policy decides about them.

    Raises:
        Malformed: not a quote, or collateral that is not what it claims to be.
        EvidenceRejected: one of its kinds for each step.
        UsageError: `at` has no time zone.
    """
    # 1. The quote.
    quote = _parse(raw)
    signed = len(quote.signed_bytes)
    # 2. to 8. The key that signed it: what vouches for it is the same for every quote of the key. It stands behind the
    # size of the signature section (4 bytes) and the quote's own signature (64).
    voucher = Voucher(raw[signed + 4 + 64 :], quote.signature)
    key = certified_key(voucher, collateral, roots, _TEES[type(quote.body)])
    # 9. The clock.
    key.validities.require(at)
    # 10. The quote's signature.
    ecdsa.verify(
        key.public_key,
        quote.signature.signature,
        raw[:signed],
        otherwise=QuoteSignatureRejected("quote is not signed by its attestation key"),
    )
    if isinstance(quote.body, ReportBody):
        platform = key.platform.tcb or NOT_SUPPORTED
        known = _known(key, at, platform=platform, tcb=platform.converged(key.qe_tcb))
        return VerifiedQuote(report=quote.body, **known)
    # 11. What runs between the platform and the domain.
    body = parse_td_body(quote.body.raw)
    launch = _launched(body, key)
    return VerifiedTd(body=body, **_known(key, at, platform=launch, tcb=_now(body, key, launch)))


def _known(key: CertifiedKey, at: datetime, *, platform: TcbVerdict, tcb: TcbVerdict) -> dict[str, Any]:
    return {
        "root": key.platform.path.root,
        "root_name": key.platform.path.certificates[-1].common_name,
        "pck": key.platform.pck,
        "tcb": tcb,
        "platform_tcb": platform,
        "qe_tcb": key.qe_tcb,
        "tcb_evaluation_data_number": key.tcb_evaluation_data_number,
        "collateral_issued": key.collateral_issued,
        "verified_at": at,
        "expires": key.validities.ends,
    }


def _launched(body: TdBody, key: CertifiedKey) -> TcbVerdict:
    """Check that the TDX module is a known one, and rate what the domain was launched on."""
    info = key.platform.collateral.tcb_info
    identity = None if info.modules is None else info.modules.of(body.tee_tcb_svn)
    if identity is None:
        raise TdxModuleMismatch(
            f"TDX module is of version {body.tee_tcb_svn.module_version}, which the TCB info does not know"
        )
    identity.require(body.mr_signer_seam, body.seam_attributes)
    return _rated(key, body.tee_tcb_svn)


def _now(body: TdBody, key: CertifiedKey, launch: TcbVerdict) -> TcbVerdict:
    """Join the verdict at launch with the quoting enclave's, and with what was updated below the domain since."""
    joined = launch.converged(key.qe_tcb)
    if not isinstance(body, TdBody15):
        return joined
    current = _rated(key, body.tee_tcb_svn2).converged(key.qe_tcb)
    return TcbVerdict(status=relaunched(joined.status, current.status), date=joined.date, advisories=joined.advisories)


def _rated(key: CertifiedKey, svn: TeeTcbSvn) -> TcbVerdict:
    return tdx_verdict(key.platform.collateral.tcb_info, key.platform.pck, svn)


def _parse(raw: bytes) -> Quote | Quote4:
    if len(raw) > MOST_QUOTE_BYTES:
        raise Malformed(f"quote has {len(raw)} bytes, more than {MOST_QUOTE_BYTES}")
    quote = parse_quote(raw)
    header = quote.header
    checks: list[tuple[str, object, object]] = [
        ("attestation key type", ECDSA_P256, header.attestation_key_type),
        ("QE vendor", INTEL_QE_VENDOR.hex(), header.qe_vendor_id.hex()),
    ]
    if isinstance(quote, Quote):  # later versions say in their TEE type what their body is
        checks.append(("TEE type", TEE_SGX, header.tee_type))
    for what, expected, found in checks:
        if expected != found:
            raise QuoteRejected(f"quote has {what} {found}, not {expected}")
    return quote
