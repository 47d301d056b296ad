"""The other side of the key server, for tests: a real software platform, and a guest that does what premain does."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisson.evidence import Pck
from caisson.evidence.intel.path import parse_chain
from caisson.platform import Enclave, SoftwarePlatform, Standing, generate_signing_key, measure, sign_enclave
from caisson.protocol import ActivationEvidence, Bundle, Challenge, RuntimeData, ServerKeyHash, open_bundle
from caisson.sgx import Attributes, CertificationData, CertificationKind, PckIdentity, Quote, ReportData

CHALLENGE_REQUEST = b'{"version":1}'
PRODUCTION = Attributes(flags=0x4, xfrm=0x3)
DEBUG = Attributes(flags=0x6, xfrm=0x3)
PROD_ID, SVN = 7, 3


@cache
def signing_key():
    """One key for all: making it takes longer than the tests."""
    return generate_signing_key()


def make_platform(now: float, **standing) -> SoftwarePlatform:
    """A platform with a root of its own; keyword arguments are those of `Standing`."""
    return SoftwarePlatform.create(
        now=datetime.fromtimestamp(now, UTC), standing=Standing(**standing), signing_key=signing_key()
    )


def launch(platform: SoftwarePlatform, *, program: str = "redis", attributes: Attributes = PRODUCTION) -> Enclave:
    """An enclave that measures `program`."""
    log = (program.encode().ljust(64, b"\0"),)
    sigstruct = sign_enclave(
        signing_key(), mr_enclave=measure(log), attributes=attributes, isv_prod_id=PROD_ID, isv_svn=SVN
    )
    return platform.launch(log=log, sigstruct=sigstruct, attributes=attributes)


def policy(platform: SoftwarePlatform, enclave: Enclave, server: ServerKeyHash, **changes) -> str:
    """A policy that accepts exactly this enclave, on this platform, from this server."""
    root = x509.load_der_x509_certificate(platform.root_certificate).public_bytes(Encoding.PEM).decode()
    fields = {
        "version": 1,
        "tee": "sgx",
        "roots": [root],
        "tcb_statuses": ["UpToDate"],
        "advisories": [],
        "allow_debug": False,
        "minimum_tcb_evaluation_data_number": 0,
        "key_servers": [str(server)],
    } | changes
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    return "\n".join([*lines, "[[enclaves]]", f'mrenclave = "{enclave.identity.mr_enclave}"', ""])


@dataclass
class Guest:
    """One start of a program: its keys live as long as it does."""

    platform: SoftwarePlatform
    enclave: Enclave
    workload: str = "redis"
    kem: MLKEM768PrivateKey = field(default_factory=MLKEM768PrivateKey.generate)
    x25519: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    tls: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def hpke_public_key(self) -> bytes:
        return self.kem.public_key().public_bytes_raw() + self.x25519.public_key().public_bytes_raw()

    @property
    def tls_public_key(self) -> bytes:
        return self.tls.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def runtime_data(self, challenge: Challenge, **changes) -> RuntimeData:
        said = {
            "nonce": challenge.nonce,
            "workload": self.workload,
            "hpke_public_key": self.hpke_public_key,
            "tls_public_key": self.tls_public_key,
            "server_key_hash": ServerKeyHash.of(challenge.server_key),
        }
        return RuntimeData.build(**(said | changes))

    def prove(self, raw_challenge: bytes, *, pin: ServerKeyHash | None = None, **changes) -> ActivationEvidence:
        """Answer a challenge; `changes` are lies in the runtime data, which the quote then vouches for."""
        data = self.runtime_data(Challenge.parse(raw_challenge, pin=pin), **changes)
        return self.quote(data)

    def quote(self, data: RuntimeData) -> ActivationEvidence:
        report = self.enclave.ereport(self.platform.quoting_enclave.target_info, data.report_data)
        return ActivationEvidence(quote=self.platform.quote(report), runtime_data=data.raw)

    def open(self, answer: bytes, evidence: ActivationEvidence, *, server_key: bytes) -> Bundle:
        """Open the answer to `evidence`."""
        return open_bundle(
            answer,
            private_key=MLKEM768X25519PrivateKey(self.kem, self.x25519),
            report_data=RuntimeData.parse(evidence.runtime_data).report_data,
            server_key=server_key,
        )


def naming(quote: bytes, *, ppid: bytes = b"?" * 384) -> bytes:
    """The quote of a platform that had no certificate at hand: it names its PCK, and does not bring it."""
    parsed = Quote.parse(quote)
    pck = Pck.of(parse_chain(parsed.signature.certification.data)[0])
    name = PckIdentity(
        kind=CertificationKind.PPID_RSA_3072,
        ppid=ppid,
        cpu_svn=pck.cpu_svn,
        pce_svn=pck.pce_svn,
        pce_id=pck.pce_id.value,
    )
    certification = CertificationData(kind=name.kind, data=name.encode())
    return replace(parsed, signature=replace(parsed.signature, certification=certification)).encode()


class Recorded:
    """A service whose questions are recorded: the last word of each path."""

    def __init__(self, application) -> None:
        self.application = application
        self.asked: list[str] = []

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http":
            self.asked.append(scope["path"].rpartition("/")[2])
        await self.application(scope, receive, send)


def lay_out_evidence(platform: SoftwarePlatform, directory: Path) -> None:
    """Write files: the `quote` of an enclave, that of one in `debug`, a `forged` one, and `collateral` and `root`."""
    for name, enclave in (("quote", launch(platform)), ("debug", launch(platform, attributes=DEBUG))):
        report = enclave.ereport(platform.quoting_enclave.target_info, ReportData(bytes(64)))
        (directory / name).write_bytes(platform.quote(report))
    forged = bytearray((directory / "quote").read_bytes())
    forged[100] ^= 1
    (directory / "forged").write_bytes(forged)
    (directory / "collateral").write_text(json.dumps(platform.collateral()))
    (directory / "root").write_text(platform.provisioning.root.pem)
