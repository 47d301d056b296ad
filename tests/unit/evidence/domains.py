"""A good scene of a trust domain: the software platform's keys vouch for a TD quoting enclave of our own."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key

from caisson.evidence import Collateral, VerifiedQuote, VerifiedTd, verify_intel_quote
from caisson.platform import SoftwarePlatform
from caisson.platform.signing import raw_point, sign_p256
from caisson.sgx import (
    ECDSA_P256,
    INTEL_QE_VENDOR,
    TEE_SGX,
    TEE_TDX,
    BodyKind,
    CertificationData,
    QeSignature,
    Quote4,
    QuoteHeader,
    ReportBody,
    ReportData,
    TdBodyBytes,
)
from caisson.tdx import TdAttributes, TdBody, TdBody15, TdBody15Ex, TdFlags, TeeTcbSvn
from tests.unit.evidence.conftest import Scene

KINDS = {TdBody: BodyKind.TD10, TdBody15: BodyKind.TD15, TdBody15Ex: BodyKind.TD15EX}
ZERO_SIGNER, ZERO_ATTRIBUTES = "00" * 48, "00" * 8
PROTECTED = TdAttributes(int(TdFlags.SEPT_VE_DISABLE).to_bytes(8, "little"))
CURRENT = TeeTcbSvn(bytes([5, 1, 3]).ljust(16, b"\0"))
OLDER = TeeTcbSvn(bytes([4, 1, 3]).ljust(16, b"\0"))
BASE = TeeTcbSvn(bytes([5, 0, 3]).ljust(16, b"\0"))
HEADER = {
    "attestation_key_type": ECDSA_P256,
    "qe_svn": 0,
    "pce_svn": 0,
    "qe_vendor_id": INTEL_QE_VENDOR,
    "user_data": bytes(20),
}
DATE = "2025-01-01T00:00:00Z"


def module_level(status: str, svn: int) -> dict[str, Any]:
    return {"tcb": {"isvsvn": svn}, "tcbDate": DATE, "tcbStatus": status}


def module(**members: Any) -> dict[str, Any]:
    return {"mrsigner": ZERO_SIGNER, "attributes": ZERO_ATTRIBUTES, "attributesMask": "FF" * 8} | members


def for_domains(info: dict[str, Any]) -> None:
    """Make TCB info for enclaves one for trust domains."""
    info["id"] = "TDX"
    info["tdxModule"] = module()
    levels = [module_level("UpToDate", 5), module_level("OutOfDate", 0)]
    info["tdxModuleIdentities"] = [module(id="TDX_01", tcbLevels=levels)]
    for level, components in zip(info["tcbLevels"], ([5, 0, 3], [0, 0, 0]), strict=True):
        level["tcb"]["tdxtcbcomponents"] = [{"svn": svn} for svn in components + [0] * 13]


@dataclass(frozen=True, kw_only=True)
class DomainScene(Scene):
    """A trust domain's quote; what is in it can be changed and signed again with the keys that belong there."""

    body: TdBody | ReportBody
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))

    @classmethod
    def on(cls, platform: SoftwarePlatform, body: TdBody | ReportBody | None = None, version: int = 5) -> "DomainScene":
        scene = Scene.of(platform)
        body = body or domain()
        made = cls(platform=platform, quote=b"", collateral=scene.collateral, roots=scene.roots, body=body)
        if isinstance(body, TdBody):
            made = made.with_statement("tcb_info", for_domains)
            made = made.with_statement("qe_identity", lambda identity: identity.update(id="TD_QE"))
        return made.signed(version=version)

    def signed(
        self,
        *,
        version: int = 5,
        body: TdBody | ReportBody | None = None,
        qe: ReportBody | None = None,
        authentication: bytes = bytes(range(32)),
        certification: CertificationData | None = None,
        **header: Any,
    ) -> "DomainScene":
        """Quote the body; change something first, and everything that signs it fits again."""
        body = body or self.body
        provisioning, key = self.platform.provisioning, raw_point(self.key.public_key())
        digest = sha256(key + authentication).digest()
        qe = replace(qe or self.platform.quoting_enclave.identity, report_data=ReportData(digest + bytes(32)))
        chain = CertificationData(kind=5, data=provisioning.pck_chain.encode())
        tee_type = TEE_TDX if isinstance(body, TdBody) else TEE_SGX
        head = QuoteHeader(**{"version": version, "tee_type": tee_type} | HEADER | header)
        quote = Quote4(
            header=head,
            body=TdBodyBytes(kind=KINDS[type(body)], raw=body.encode()) if isinstance(body, TdBody) else body,
            signature=QeSignature(
                signature=bytes(64),
                attestation_key=key,
                qe_report=qe,
                qe_report_signature=sign_p256(provisioning.pck.key, qe.encode()),
                qe_authentication_data=authentication,
                certification=certification or chain,
            ),
        )
        signature = replace(quote.signature, signature=sign_p256(self.key, quote.signed_bytes))
        return replace(self, body=body, quote=replace(quote, signature=signature).encode())

    def verify(self, **changes: Any) -> VerifiedQuote | VerifiedTd:
        scene = replace(self, **changes)
        return verify_intel_quote(scene.quote, Collateral.parse(scene.collateral), roots=scene.roots, at=scene.at)


def domain(kind: type[TdBody] = TdBody15, **changes: Any) -> TdBody:
    """A body with nothing in it but versions and attributes, or what `changes` say."""
    given = {"tee_tcb_svn": CURRENT, "td_attributes": PROTECTED} | changes
    if issubclass(kind, TdBody15):
        given = {"tee_tcb_svn2": CURRENT} | given
    return replace(kind.parse(bytes(kind.size())), **given)
