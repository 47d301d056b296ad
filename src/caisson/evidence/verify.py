"""The argument that a quote is genuine, step by step, without any I/O.

What a step finds depends on bytes only, never on the clock, so steps are remembered by the content
they looked at: the second quote of a platform costs one or two signatures instead of ten. Windows of time
are part of what is remembered, and are compared with the clock at every verification. Failures are not remembered.

Source: Intel SGX ECDSA Quote Library Reference, "Quote verification"; Intel PCS API version 4.
"""

from datetime import datetime

from caisson.errors import Malformed, QuoteRejected, QuoteSignatureRejected
from caisson.evidence import ecdsa
from caisson.evidence.collateral import Collateral
from caisson.evidence.roots import RootKey
from caisson.evidence.verified import VerifiedQuote
from caisson.evidence.vouching import Voucher, certified_key
from caisson.sgx import ECDSA_P256, INTEL_QE_VENDOR, Quote, QuoteHeader, ReportBody

MOST_QUOTE_BYTES = 64 * 1024
_SGX = 0
_SIGNED = QuoteHeader.SIZE + ReportBody.SIZE
# The signature section begins with its size (4 bytes) and the quote's own signature (64).
_VOUCHER = _SIGNED + 4 + 64


def verify_quote(raw: bytes, collateral: Collateral, *, roots: frozenset[RootKey], at: datetime) -> VerifiedQuote:
    """Verify an SGX quote (version 3) and say what it proves.

    The plan:

    1. The quote is well-formed, and of the one kind that is understood: ECDSA on P-256, Intel's quoting
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

    Debug enclaves and bad TCB statuses are genuine: the policy decides about them.

    Raises:
        Malformed: not a quote, or collateral that is not what it claims to be.
        EvidenceRejected: one of its kinds for each step.
        UsageError: `at` has no time zone.
    """
    # 1. The quote.
    quote = _parse(raw)
    # 2. to 8. The key that signed it: what vouches for it is the same for every quote of the key.
    key = certified_key(Voucher(raw[_VOUCHER:], quote.signature), collateral, roots)
    # 9. The clock.
    key.validities.require(at)
    # 10. The quote's signature.
    ecdsa.verify(
        key.public_key,
        quote.signature.signature,
        raw[:_SIGNED],
        otherwise=QuoteSignatureRejected("quote is not signed by its attestation key"),
    )
    return VerifiedQuote(
        report=quote.body,
        root=key.platform.path.root,
        root_name=key.platform.path.certificates[-1].common_name,
        pck=key.platform.pck,
        tcb=key.tcb,
        platform_tcb=key.platform.tcb,
        qe_tcb=key.qe_tcb,
        tcb_evaluation_data_number=key.tcb_evaluation_data_number,
        verified_at=at,
        expires=key.validities.ends,
    )


def _parse(raw: bytes) -> Quote:
    if len(raw) > MOST_QUOTE_BYTES:
        raise Malformed(f"quote has {len(raw)} bytes, more than {MOST_QUOTE_BYTES}")
    quote = Quote.parse(raw)
    header = quote.header
    for what, expected, found in (
        ("attestation key type", ECDSA_P256, header.attestation_key_type),
        ("TEE type", _SGX, header.tee_type),
        ("QE vendor", INTEL_QE_VENDOR.hex(), header.qe_vendor_id.hex()),
    ):
        if expected != found:
            raise QuoteRejected(f"quote has {what} {found}, not {expected}")
    return quote
