"""A verifier in memory, the platform whose evidence it judges, and a client."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from starlette.testclient import TestClient

from caisson.errors import Unavailable
from caisson.evidence import Collateral, EarSigner, EnclaveRule, PlatformKind, Policy, RootKey, TcbStatus
from caisson.sgx import ReportData
from caisson.verifier import Gate, Verifier, build_app
from tests.guest import launch, make_platform

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class World:
    """Everything, and a way to ask."""

    platform: Any
    quote: bytes
    signer: EarSigner
    client: TestClient
    now: list[float] = field(default_factory=lambda: [0.0])
    fetched: list[PlatformKind] = field(default_factory=list)
    down: bool = False

    def ask(self, evidence=None, **body):
        if evidence is None:
            evidence = self.quote
        return self.client.post("/v1/verify", json={"evidence": b64encode(evidence).decode(), **body})


@pytest.fixture(scope="session")
def platform():
    return make_platform(NOW.timestamp())


@pytest.fixture(scope="session")
def quote(platform):
    return platform.quote(launch(platform).ereport(platform.quoting_enclave.target_info, ReportData(bytes(64))))


@pytest.fixture(scope="session")
def signer():
    return EarSigner.generate()


@pytest.fixture
def make_world(platform, quote, signer):
    clients = []

    def make(*, at_once=8, per_second=1000.0, fetches=True, second=None, pcks=None):
        root = RootKey.of(x509.load_der_x509_certificate(platform.root_certificate))
        policy = Policy(
            roots=frozenset({root}),
            tcb_statuses=frozenset({TcbStatus.UP_TO_DATE}),
            advisories=frozenset(),
            allow_debug=False,
            minimum_tcb_evaluation_data_number=0,
            key_servers=frozenset(),
            enclaves=(EnclaveRule(mr_enclave=launch(platform).identity.mr_enclave),),
        )
        now = [0.0]

        def fetch(kind, roots, at):
            if world.down:
                raise Unavailable("the provisioning service does not answer")
            assert roots
            assert at == NOW
            world.fetched.append(kind)
            return Collateral.parse(platform.collateral())

        verifier = Verifier(
            policies={"redis": policy},
            signer=signer,
            fetch=fetch if fetches else None,
            pcks=pcks,
            second=second,
            lifetime=timedelta(minutes=5),
            clock=lambda: NOW,
        )
        gate = Gate(at_once=at_once, per_second=per_second, clock=lambda: now[0])
        client = TestClient(build_app(verifier, gate))
        client.__enter__()
        clients.append(client)
        world = World(platform=platform, quote=quote, signer=signer, client=client, now=now)
        return world

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def world(make_world):
    return make_world()
