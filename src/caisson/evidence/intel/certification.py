"""Where the PCK's chain is: in the quote, or for a quote that only names its PCK in the collateral.

Who made the chain counts for nothing, only whether it holds, whether it is of the PCK that the quote names, and whether
that PCK signed the quoting enclave's REPORT.
"""

from caisson.errors import PlatformMismatch, QuoteRejected
from caisson.evidence.intel.pck import PceId, Pck
from caisson.sgx import CertificationKind, PckIdentity, Voucher

NAMED = frozenset({CertificationKind.PPID, CertificationKind.PPID_RSA_2048, CertificationKind.PPID_RSA_3072})
_WORDS = {
    CertificationKind.PPID: "a PPID",
    CertificationKind.PPID_RSA_2048: "an encrypted PPID",
    CertificationKind.PPID_RSA_3072: "an encrypted PPID",
    CertificationKind.PCK_LEAF: "a PCK certificate without its chain",
    CertificationKind.QE_REPORT: "another quoting enclave's REPORT",
    CertificationKind.PLATFORM_MANIFEST: "a platform's manifest, with which it registers at Intel",
}


def pck_chain(voucher: Voucher, given: bytes | None) -> tuple[bytes, PckIdentity | None]:
    """Give the PCK's chain in PEM, and what the quote says of its PCK if it does not bring the chain itself.

    Raises:
        Malformed: the quote names its PCK in a form that is none.
        QuoteRejected: the quote is certified in another way, or names its PCK only and no chain is `given`.
    """
    if voucher.kind == CertificationKind.PEM_CHAIN:
        return voucher.certification, None
    kind = CertificationKind(voucher.kind) if voucher.kind in set(CertificationKind) else None
    if kind not in NAMED:
        what = "unknown" if kind is None else _WORDS[kind]
        wanted = f"{CertificationKind.PEM_CHAIN:d} (a PEM chain)"
        raise QuoteRejected(f"quote is certified by data of type {voucher.kind} ({what}), not {wanted}")
    identity = PckIdentity.parse(kind, voucher.certification)
    if given is None:
        raise QuoteRejected(
            f"quote is certified by data of type {kind:d} ({_WORDS[kind]}): it names its PCK certificate, "
            f"of CPUSVN {identity.cpu_svn} and PCESVN {identity.pce_svn}, and does not bring it",
            hint="`caisson collateral fetch` gets its chain from the platform's PCCS, as `pck_certificate_chain`",
        )
    return given, identity


def require_named(pck: Pck, identity: PckIdentity) -> None:
    """Check that a PCK is the one that a quote names; what is encrypted nobody but Intel can compare.

    Raises:
        PlatformMismatch: it is another platform's, or of another TCB.
    """
    is_clear = identity.kind is CertificationKind.PPID
    for what, named, found in (
        ("PPID", identity.ppid.hex() if is_clear else str(pck.ppid), str(pck.ppid)),
        ("CPUSVN", identity.cpu_svn, pck.cpu_svn),
        ("PCESVN", identity.pce_svn, pck.pce_svn),
        ("PCE-ID", pck.pce_id if identity.pce_id is None else PceId(identity.pce_id), pck.pce_id),
    ):
        if named != found:
            raise PlatformMismatch(
                f"quote names a PCK of {what} {named}, and the collateral's `pck_certificate_chain` is of {found}",
                hint="fetch the certificate that belongs to this quote",
            )
