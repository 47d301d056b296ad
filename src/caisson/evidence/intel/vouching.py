"""What vouches for an attestation key: steps 2 to 8 of the argument.

Nothing here looks at a clock or at the quote itself, so the results are remembered by the bytes they came from.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from caisson.errors import AttestationKeyRejected, PlatformMismatch, QeReportRejected
from caisson.evidence.intel import ecdsa
from caisson.evidence.intel.certification import pck_chain, require_named
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.path import PCK_PHRASE, Path, parse_chain, public_key, verify_path
from caisson.evidence.intel.pck import Pck
from caisson.evidence.intel.tcb_status import TcbVerdict
from caisson.evidence.intel.trusted import TrustedCollateral, trust
from caisson.evidence.roots import RootKey
from caisson.evidence.validity import Validities
from caisson.sgx import ReportBody, ReportData, Voucher

_PCK_PATH = 3
_REMEMBERED_PLATFORMS, _REMEMBERED_KEYS = 256, 1024
_QE_REPORT_DATA = ReportBody.SIZE - ReportData.SIZE


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Platform:
    """A platform whose certificate holds, and what its root says about it."""

    path: Path
    pck: Pck
    key: EllipticCurvePublicKey
    collateral: TrustedCollateral
    validities: Validities


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CertifiedKey:
    """An attestation key that a known quoting enclave on a known platform vouches for."""

    public_key: EllipticCurvePublicKey
    platform: Platform
    qe_tcb: TcbVerdict

    @property
    def validities(self) -> Validities:
        """When all of the argument up to here holds."""
        return self.platform.validities


@lru_cache(maxsize=_REMEMBERED_KEYS)
def certified_key(
    voucher: bytes, version: int, tee: str, collateral: Collateral, roots: frozenset[RootKey], given: bytes | None
) -> CertifiedKey:
    """Follow the argument from a root to the attestation key.

    `voucher` is the signature section of a quote of `version` without the signature; `tee` the kind of evidence that
    the key signs; `given` the PCK's chain, for quotes that do not bring it.

    Raises:
        Malformed: a part cannot be read.
        EvidenceRejected: a step does not hold.
    """
    section = Voucher.parse(voucher, version=version)
    chain, named = pck_chain(section, given)
    # 2. to 5. The platform.
    platform = _platform(chain, collateral, roots, tee)
    if named is not None:
        require_named(platform.pck, named)
    # 6. and 7. What the quoting enclave says.
    key = attestation_key(section, platform.key)
    # 8. The quoting enclave itself.
    qe_tcb = _qe_tcb(platform, section.qe_report[:_QE_REPORT_DATA])
    return CertifiedKey(public_key=key, platform=platform, qe_tcb=qe_tcb)


def attestation_key(section: Voucher, platform: EllipticCurvePublicKey) -> EllipticCurvePublicKey:
    """Give the key that a quoting enclave vouches for whose REPORT a platform's key has signed.

    Raises:
        QeReportRejected: 6. The REPORT is not the platform's.
        AttestationKeyRejected: 7. The REPORT is about another key, or what it is about is none.
    """
    ecdsa.verify(
        platform,
        section.qe_report_signature,
        section.qe_report,
        otherwise=lambda: QeReportRejected("quoting enclave's REPORT is not signed by the PCK of its platform"),
    )
    return claimed_key(section)


def claimed_key(section: Voucher) -> EllipticCurvePublicKey:
    """Give the key that a quoting enclave's REPORT is about, whoever signed that REPORT.

    Raises:
        AttestationKeyRejected: 7. The REPORT is about another key, or what it is about is none.
    """
    digest = sha256(section.attestation_key + section.qe_authentication_data).digest()
    expected = digest.ljust(ReportData.SIZE, b"\0")
    found = section.qe_report[_QE_REPORT_DATA:]
    if found != expected:
        raise AttestationKeyRejected(
            f"quoting enclave vouches for {found.hex()}, and the attestation key needs {expected.hex()}"
        )
    return ecdsa.load_point(
        section.attestation_key, otherwise=lambda: AttestationKeyRejected("attestation key is not a point on P-256")
    )


def pck_path(chain: bytes, roots: frozenset[RootKey]) -> Path:
    """Give a PCK's path to one of the roots.

    Raises:
        Malformed: not a chain of certificates.
        ChainRejected, UntrustedRoot: it does not hold, or ends in another root.
    """
    return verify_path(parse_chain(chain), length=_PCK_PATH, leaf_phrase=PCK_PHRASE, roots=roots)


# A quoting enclave's REPORTs are all the same but for their report data: it vouches for many keys.
@lru_cache(maxsize=_REMEMBERED_PLATFORMS)
def _qe_tcb(platform: Platform, report: bytes) -> TcbVerdict:
    return platform.collateral.qe_identity.verdict(ReportBody.parse(report + bytes(ReportData.SIZE)))


@lru_cache(maxsize=_REMEMBERED_PLATFORMS)
def _platform(chain: bytes, collateral: Collateral, roots: frozenset[RootKey], tee: str) -> Platform:
    # 2. The PCK's path. From here on only its own root may speak about the platform, whatever else is trusted.
    path = pck_path(chain, roots)
    pck = Pck.of(path.leaf)
    # 3. and 4. What that root says and takes back.
    trusted = trust(collateral, path.root, tee)
    trusted.require_unrevoked(path)
    # 5. Its words about this kind of platform.
    info = trusted.tcb_info
    for what, expected, found in (("FMSPC", info.fmspc, pck.fmspc), ("PCE-ID", info.pce_id, pck.pce_id)):
        if expected != found:
            raise PlatformMismatch(
                f"TCB info is for platforms of {what} {expected}, and the quote's platform has {found}",
                hint="fetch the collateral that belongs to this quote",
            )
    return Platform(
        path=path,
        pck=pck,
        key=public_key(path.leaf),
        collateral=trusted,
        validities=Validities.of((*path.validities, *trusted.validities)),
    )
