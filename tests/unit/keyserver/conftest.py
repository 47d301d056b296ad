"""A key server in memory, a platform, and a guest; the only thing replaced is the network between them."""

from dataclasses import dataclass, field

import pytest
from starlette.testclient import TestClient

from caisson.evidence import Collateral, PlatformKind
from caisson.keyserver import (
    Activations,
    Collaterals,
    KeyServer,
    KeyServerClient,
    Operator,
    Secret,
    Workload,
    build_app,
    memory_server,
    verify_chain,
)
from caisson.platform import Enclave, SoftwarePlatform
from tests.guest import Guest, launch, make_platform, policy

NOW = 1_795_435_200.0
PASSWORD = b"canary-5e0c-password"
DISK_KEY = b"canary-disk-key!"


@dataclass
class Clock:
    now: float = NOW

    def __call__(self):
        return self.now


@dataclass
class World:
    """All parties; tests change one thing in it."""

    clock: Clock
    platform: SoftwarePlatform
    enclave: Enclave
    server: KeyServer
    token: Secret
    fetched: list[PlatformKind] = field(default_factory=list)

    def __post_init__(self):
        self.operator = Operator(self.server, "first")
        self.activations = Activations(self.server, Collaterals(self.fetch))

    def fetch(self, kind):
        self.fetched.append(kind)
        return Collateral.parse(self.platform.collateral())

    def policy(self, **changes):
        return policy(self.platform, self.enclave, self.server.face.key_hash, **changes)

    def document(self, **changes):
        return {
            "name": "redis",
            "policy": self.policy(),
            "fs_keys": {"default": "disk-key"},
            "file": [
                {
                    "path": "/run/caisson/secrets/redis.conf",
                    "mode": "400",
                    "content": "requirepass {{ secret:password }}\n",
                }
            ],
            "env": {"REDIS_URL": "rediss://:{{ secret:password }}@localhost"},
            "argv": ["--loglevel", "warning"],
            "certificate": {"dns": ["localhost"], "ip": ["127.0.0.1"]},
        } | changes

    def set_workload(self, **changes):
        return self.operator.set_workload(Workload.parse(self.document(**changes)))

    def guest(self, **options):
        return Guest(**({"platform": self.platform, "enclave": self.enclave} | options))

    def audit(self):
        return list(verify_chain(self.operator.audit_lines(after=-1, limit=10_000)))

    def activate(self, guest=None, **changes):
        """One honest activation, but for `changes` in the runtime data; gives the opened bundle."""
        guest = guest or self.guest()
        evidence = guest.prove(self.activations.challenge(), pin=self.server.face.key_hash, **changes)
        answer = self.activations.activate(evidence.encode())
        return guest.open(answer, evidence, server_key=self.server.face.identity)


@pytest.fixture(scope="session")
def platform():
    return make_platform(NOW)


@pytest.fixture(scope="session")
def other_platform():
    return make_platform(NOW)


@pytest.fixture(scope="session")
def enclave(platform):
    return launch(platform)


@pytest.fixture
def world(platform, enclave):
    clock = Clock()
    server, token = memory_server(trust_domain="example.org", clock=clock)
    found = World(clock=clock, platform=platform, enclave=enclave, server=server, token=token)
    found.operator.set_secret("password", Secret(PASSWORD))
    found.operator.set_secret("disk-key", Secret(DISK_KEY))
    found.set_workload()
    yield found
    server.store.close()


@pytest.fixture
def http(world):
    with TestClient(build_app(world.activations), base_url="https://keys.test") as client:
        yield client


@pytest.fixture
def client(world, http):
    return KeyServerClient(http, token=world.token)
