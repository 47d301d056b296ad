"""A good scene of evidence, and the tools to change one thing in it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisson.evidence import (
    Collateral,
    EnclaveRule,
    Policy,
    RootKey,
    TcbStatus,
    TdxPolicy,
    VerifiedQuote,
    verify_quote,
)
from caisson.evidence.policy import DomainRule
from caisson.platform import (
    Enclave,
    Machine,
    SoftwarePlatform,
    Standing,
    generate_signing_key,
    measure,
    sign_enclave,
)
from caisson.platform import TcbStatus as PlatformTcbStatus
from caisson.protocol import ActivationEvidence, Nonce, RuntimeData, ServerKeyHash
from caisson.sgx import Attributes, CertificationData, CertificationKind, PckIdentity, Quote, ReportData
from caisson.tdx import TdFlags

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PRODUCTION = Attributes(flags=0x4, xfrm=0x3)
DEBUG = Attributes(flags=0x6, xfrm=0x3)
PRODUCT, SVN = 7, 3
SERVER = ServerKeyHash(b"S" * 32)
PPIDS = {CertificationKind.PPID: None, CertificationKind.PPID_RSA_2048: 256, CertificationKind.PPID_RSA_3072: 384}


@cache
def signing_key():
    return generate_signing_key()


def launch(platform: SoftwarePlatform, attributes: Attributes = PRODUCTION) -> Enclave:
    log = (b"program".ljust(64, b"\0"),)
    sigstruct = sign_enclave(
        signing_key(), mr_enclave=measure(log), attributes=attributes, isv_prod_id=PRODUCT, isv_svn=SVN
    )
    return platform.launch(log=log, sigstruct=sigstruct, attributes=attributes)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A quote, the collateral for it, whom we trust and what time it is."""

    platform: SoftwarePlatform
    quote: bytes
    collateral: dict[str, str]
    roots: frozenset[RootKey]
    at: datetime = NOW

    @classmethod
    def of(cls, platform: SoftwarePlatform, *, report_data: bytes = bytes(64), attributes=PRODUCTION) -> "Scene":
        enclave = launch(platform, attributes)
        report = enclave.ereport(platform.quoting_enclave.target_info, ReportData(report_data))
        return cls(
            platform=platform,
            quote=platform.quote(report),
            collateral=platform.collateral(),
            roots=frozenset({RootKey.of(platform.provisioning.root.certificate)}),
        )

    def verify(self, **changes: Any) -> VerifiedQuote:
        scene = replace(self, **changes)
        return verify_quote(scene.quote, Collateral.parse(scene.collateral), roots=scene.roots, at=scene.at)

    def with_collateral(self, **changes: str) -> "Scene":
        return replace(self, collateral=self.collateral | changes)

    def with_statement(self, name: str, change: Callable[[dict[str, Any]], None]) -> "Scene":
        """Change TCB info or QE identity, and sign it again: it is the root's word now."""
        statement = json.loads(self.collateral[name])
        change(statement)
        return self.with_text(name, json.dumps(statement))

    def with_text(self, name: str, text: str) -> "Scene":
        signature = self.platform.provisioning.sign_document(text)
        return self.with_collateral(**{name: text, f"{name}_signature": signature})

    def with_signature(self, **changes: Any) -> "Scene":
        """Change the quote's signature section, without making anything fit again."""
        quote = Quote.parse(self.quote)
        return replace(self, quote=replace(quote, signature=replace(quote.signature, **changes)).encode())

    def with_chain(self, *certificates: x509.Certificate) -> "Scene":
        quote = Quote.parse(self.quote)
        return self.with_signature(certification=replace(quote.signature.certification, data=pem(*certificates)))


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _reissued(
    certificate: x509.Certificate,
    by: EllipticCurvePrivateKey,
    *,
    without: type[x509.ExtensionType] | None = None,
    having: tuple[x509.ExtensionType, bool] | None = None,
    algorithm=SHA256,
    **changes: Any,
) -> x509.Certificate:
    """Copy a certificate, change something, and let the key `by` sign it."""
    given = {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "key": certificate.public_key(),
        "serial": certificate.serial_number,
        "begins": certificate.not_valid_before_utc,
        "ends": certificate.not_valid_after_utc,
    } | changes
    builder = x509.CertificateBuilder(
        issuer_name=given["issuer"],
        subject_name=given["subject"],
        public_key=given["key"],
        serial_number=given["serial"],
        not_valid_before=given["begins"],
        not_valid_after=given["ends"],
    )
    new, critical = having or (None, False)
    for extension in certificate.extensions:
        if not isinstance(extension.value, without or ()) and extension.oid != getattr(new, "oid", None):
            builder = builder.add_extension(extension.value, extension.critical)
    if new is not None:
        builder = builder.add_extension(new, critical)
    return builder.sign(by, algorithm())


@pytest.fixture(scope="session")
def make_platform():
    """Make a platform; keyword arguments are those of `Standing`, or `machine`."""

    def make(*, machine: Machine | None = None, **standing: Any) -> SoftwarePlatform:
        for name in {"tcb_status", "qe_status"} & standing.keys():
            standing[name] = PlatformTcbStatus(standing[name])
        return SoftwarePlatform.create(
            now=NOW, standing=Standing(**standing), machine=machine, signing_key=signing_key()
        )

    return make


@pytest.fixture(scope="session")
def make_scene(make_platform):
    """Make a scene on a new platform; keyword arguments are those of `Standing`, or `machine`."""
    return lambda **standing: Scene.of(make_platform(**standing))


@pytest.fixture(scope="session")
def platform(make_platform):
    return make_platform()


@pytest.fixture(scope="session")
def scene(platform):
    return Scene.of(platform)


@pytest.fixture(scope="session")
def domain_scene(platform):
    """A trust domain under TDX 1.5; the module of its scenes knows how to change it."""
    from tests.unit.evidence.domains import DomainScene

    return DomainScene.on(platform)


@pytest.fixture(scope="session")
def domain_policy(domain_scene):
    """What accepts the domain of `domain_scene`."""
    return TdxPolicy(
        roots=domain_scene.roots,
        tcb_statuses=frozenset({TcbStatus.UP_TO_DATE}),
        advisories=frozenset(),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=20,
        platforms=None,
        report_data=None,
        modules=None,
        required_attributes=TdFlags.SEPT_VE_DISABLE,
        allowed_attributes=0,
        allowed_xfam=None,
        service_domains=frozenset(),
        domains=(DomainRule(mr_td=domain_scene.body.mr_td),),
    )


@pytest.fixture(scope="session")
def debug_scene(platform):
    return Scene.of(platform, attributes=DEBUG)


@pytest.fixture(scope="session")
def new_key():
    return lambda: generate_private_key(SECP256R1())


@pytest.fixture(scope="session")
def policy(scene):
    report = scene.verify().report
    return Policy(
        roots=scene.roots,
        tcb_statuses=frozenset({TcbStatus.UP_TO_DATE}),
        advisories=frozenset(),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=20,
        key_servers=frozenset({SERVER}),
        enclaves=(EnclaveRule(mr_enclave=report.mr_enclave),),
    )


@pytest.fixture(scope="session")
def tls_key():
    return generate_private_key(SECP256R1())


@pytest.fixture(scope="session")
def runtime_data(tls_key):
    return RuntimeData.build(
        nonce=Nonce(b"N" * 32),
        workload="redis",
        hpke_public_key=bytes(1216),
        tls_public_key=tls_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        server_key_hash=SERVER,
    )


@pytest.fixture(scope="session")
def activation(platform, runtime_data):
    quote = Scene.of(platform, report_data=runtime_data.report_data.value).quote
    return ActivationEvidence(quote=quote, runtime_data=runtime_data.raw)


@pytest.fixture(scope="session")
def reissued():
    """Copy a certificate, change something, and let a key sign it."""
    return _reissued


@pytest.fixture(scope="session")
def pck_chain(platform):
    return platform.provisioning.pck_chain


@pytest.fixture(scope="session")
def naming(scene, pck_chain):
    """Make the quote name its PCK, with something changed in that; the collateral has the chain, or another."""
    pck = scene.verify().pck

    def naming(kind=CertificationKind.PPID_RSA_3072, *, given=pck_chain, **changes):
        size = PPIDS[kind]
        members = {
            "kind": kind,
            "ppid": pck.ppid.value if size is None else b"?" * size,
            "cpu_svn": pck.cpu_svn,
            "pce_svn": pck.pce_svn,
            "pce_id": pck.pce_id.value,
        }
        data = CertificationData(kind=kind, data=PckIdentity(**members | changes).encode())
        without = replace(scene, collateral={k: v for k, v in scene.collateral.items() if "pck_cert" not in k})
        named = without.with_signature(certification=data)
        return named if given is None else named.with_collateral(pck_certificate_chain=given)

    return naming
