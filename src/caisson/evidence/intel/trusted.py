"""Collateral that was verified, but for the clock: steps 3 and 4 of the argument."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from caisson.errors import CrlRejected, EvidenceRejected, QeIdentityRejected, TcbInfoRejected
from caisson.evidence.intel import ecdsa
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.path import TCB_SIGNING_PHRASE, Path, parse_chain, public_key, verify_authority, verify_path
from caisson.evidence.intel.qe_identity import QeIdentity
from caisson.evidence.intel.revocation import RevocationList
from caisson.evidence.intel.tcb import SGX, TDX, TcbInfo
from caisson.evidence.roots import RootKey
from caisson.evidence.validity import Validity

_SIGNING_PATH = 2
_REMEMBERED = 64
_QUOTING_ENCLAVES = {SGX: "QE", TDX: "TD_QE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedCollateral:
    """What a root says about its platforms and what it takes back.

    `evaluation_data_number` is the lower one of both statements.
    `issued` is when the oldest part was, of those that are good for a month; the root's own list is good for a year.
    """

    tcb_info: TcbInfo
    qe_identity: QeIdentity
    evaluation_data_number: int
    validities: tuple[Validity, ...]
    issued: datetime
    _root_crl: RevocationList
    _pck_crl: RevocationList

    def require_unrevoked(self, path: Path) -> None:
        """Check a PCK path against both lists: the leaf against its authority's, the rest against the root's.

        Raises:
            CertificateRevoked: a certificate is on its list.
            CrlRejected: a list is another authority's.
        """
        leaf, authority, root = path.certificates
        if authority.spki != self._pck_crl.issuer.spki:
            raise CrlRejected(
                f"{self._pck_crl.what} is signed by `{self._pck_crl.issuer.common_name}`, "
                f"and the certificate by another key, of `{authority.common_name}`"
            )
        self._pck_crl.require_absent(leaf)
        self._root_crl.require_absent(authority)
        self._root_crl.require_absent(root)


@lru_cache(maxsize=_REMEMBERED)
def trust(collateral: Collateral, root: RootKey, tee: str) -> TrustedCollateral:
    """Verify collateral for a kind of evidence, under exactly one root: that of the platform it shall speak about.

    Raises:
        Malformed: a part cannot be read.
        EvidenceRejected: a chain, revocation list or signature does not hold.
    """
    roots = frozenset({root})
    # 3. The revocation lists, each from its own issuer.
    authority = verify_authority(parse_chain(collateral.pck_crl_issuer_chain), roots=roots)
    ca, anchor = authority.certificates
    root_crl = RevocationList.verify(collateral.root_ca_crl, what="root CA CRL", issuer=anchor)
    pck_crl = RevocationList.verify(collateral.pck_crl, what="PCK CRL", issuer=ca)
    # 4. The signed statements, by signers that are not revoked.
    tcb_signer = _signer(
        collateral.tcb_info_issuer_chain,
        roots,
        collateral.tcb_info,
        collateral.tcb_info_signature,
        lambda: TcbInfoRejected("TCB info is not signed by the signer of its chain"),
    )
    qe_signer = _signer(
        collateral.qe_identity_issuer_chain,
        roots,
        collateral.qe_identity,
        collateral.qe_identity_signature,
        lambda: QeIdentityRejected("QE identity is not signed by the signer of its chain"),
    )
    for path in (authority, tcb_signer, qe_signer):
        for certificate in path.certificates:
            root_crl.require_absent(certificate)
    # Only now are the statements' words worth reading.
    tcb_info = TcbInfo.parse(collateral.tcb_info, tee=tee)
    qe_identity = QeIdentity.parse(collateral.qe_identity, of=_QUOTING_ENCLAVES[tee])
    return TrustedCollateral(
        tcb_info=tcb_info,
        qe_identity=qe_identity,
        evaluation_data_number=min(tcb_info.evaluation_data_number, qe_identity.evaluation_data_number),
        validities=(
            *authority.validities,
            root_crl.validity,
            pck_crl.validity,
            *tcb_signer.validities,
            *qe_signer.validities,
            tcb_info.validity,
            qe_identity.validity,
        ),
        issued=min(part.validity.begins for part in (tcb_info, qe_identity, pck_crl)),
        _root_crl=root_crl,
        _pck_crl=pck_crl,
    )


# One signer signs TCB info and QE identity.
@lru_cache(maxsize=_REMEMBERED)
def _signing_path(chain: bytes, roots: frozenset[RootKey]) -> Path:
    return verify_path(parse_chain(chain), length=_SIGNING_PATH, leaf_phrase=TCB_SIGNING_PHRASE, roots=roots)


def _signer(
    chain: bytes,
    roots: frozenset[RootKey],
    statement: bytes,
    signature: bytes,
    otherwise: Callable[[], EvidenceRejected],
) -> Path:
    path = _signing_path(chain, roots)
    ecdsa.verify(public_key(path.leaf), signature, statement, otherwise=otherwise)
    return path
