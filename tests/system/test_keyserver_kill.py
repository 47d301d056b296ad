"""The key server dies without warning, again and again, while it serves: what it acknowledged stays true."""

import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

import httpx2
import pytest

from caisson.errors import Unavailable
from caisson.keyserver import KeyServerClient, Secret, Workload, initialise_state, open_state, verify_chain
from caisson.platform import PcsServer, pcs_application
from tests.guest import CHALLENGE_REQUEST, Guest, launch, make_platform, policy

ACTIVATIONS, KILLS, GUESTS = 200, 8, 4
GIVE_UP_SECONDS = 150


@dataclass
class Mortal:
    """A key server's process, which can be killed and comes back on the same address."""

    arguments: list[str]
    process: subprocess.Popen[str] | None = None
    address: str = "127.0.0.1:0"

    def start(self):
        command = [sys.executable, "-m", "caisson.cli", "keyserver", "serve", *self.arguments, "--listen", self.address]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready https://"), line
        self.address = line.removeprefix("ready https://").strip()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@dataclass
class Ledger:
    """What the server acknowledged to anyone."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    secrets: dict[int, bytes] = field(default_factory=dict)
    heads: set[object] = field(default_factory=set)

    @property
    def done(self):
        return len(self.answers) >= ACTIVATIONS


@pytest.fixture(scope="module")
def platform():
    return make_platform(time.time())


@pytest.fixture
def pcs(platform):
    with PcsServer(pcs_application(platform, lambda: datetime.now(UTC)), host="127.0.0.1", port=0) as server:
        yield f"http://127.0.0.1:{server.port}/sgx/certification/v4/"


@pytest.fixture
def mortal(tmp_path, pcs):
    server, token = initialise_state(tmp_path / "state", tmp_path / "unseal.key", trust_domain="example.org")
    server.store.close()
    state = ["--state", str(tmp_path / "state"), "--unseal-key-file", str(tmp_path / "unseal.key")]
    mortal = Mortal([*state, "--pcs", pcs, "--san", "127.0.0.1"])
    mortal.start()
    try:
        yield mortal, server.face, token
    finally:
        mortal.kill()


def activate(mortal, face, guest, ledger):
    """Be a guest that starts again and again until enough was acknowledged."""
    while not ledger.done:
        try:
            with httpx2.Client(base_url=f"https://{mortal.address}", verify=False, timeout=20) as http:
                evidence = guest.prove(http.post("/v1/challenges", content=CHALLENGE_REQUEST).content)
                body = evidence.encode()
                answer = http.post("/v1/activations", content=body)
        except httpx2.HTTPError:
            time.sleep(0.05)
            continue
        assert answer.status_code == 200, answer.text
        assert guest.open(answer.content, evidence, server_key=face.identity).env
        with ledger.lock:
            ledger.answers.append(answer.content)
            ledger.bodies.append(body)


def operate(mortal, face, token, ledger):
    """Be an operator who stores a secret in ever new versions, and keeps heads."""
    number = 0
    while not ledger.done:
        number += 1
        value = b"value %d" % number
        try:
            with KeyServerClient.connect(f"https://{mortal.address}", ca=face.ca_pem, token=token) as client:
                ledger.secrets[client.set_secret("counter", Secret(value)).version] = value
                ledger.heads.add(client.audit_head().digest)
        except Unavailable:
            pass
        time.sleep(0.05)


def broken(parties):
    return any(party.done() and party.exception() is not None for party in parties)


def wait_for(condition):
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_killing_the_server_at_any_point_loses_and_leaks_nothing(tmp_path, platform, mortal):
    mortal, face, token = mortal
    enclave, ledger, rng = launch(platform), Ledger(), random.Random(20261123)
    with KeyServerClient.connect(f"https://{mortal.address}", ca=face.ca_pem, token=token) as client:
        client.set_secret("password", Secret(b"canary-kill"))
        document = {"name": "redis", "policy": policy(platform, enclave, face.key_hash)}
        client.set_workload(Workload.parse(document | {"env": {"PASSWORD": "{{ secret:password }}"}}))
    with ThreadPoolExecutor(GUESTS + 1) as pool:
        parties = [pool.submit(activate, mortal, face, Guest(platform, enclave), ledger) for _ in range(GUESTS)]
        parties.append(pool.submit(operate, mortal, face, token, ledger))
        for acknowledged in sorted(rng.sample(range(ACTIVATIONS - 10), KILLS)):
            wait_for(lambda target=acknowledged: len(ledger.answers) >= target or broken(parties))
            # Somewhere in the midst of the next ones.
            time.sleep(rng.uniform(0, 0.1))
            mortal.kill()
            mortal.start()
        for party in parties:
            party.result()

    # One more death, and then everything must be there.
    mortal.kill()
    mortal.start()
    with KeyServerClient.connect(f"https://{mortal.address}", ca=face.ca_pem, token=token) as client:
        heads = frozenset({*ledger.heads, client.audit_head().digest})
        records = list(verify_chain(client.audit_lines(), heads=heads))
        released = [record.details["answer_sha256"] for record in records if record.kind == "activation-released"]
        assert len(released) == len(set(released))
        assert {sha256(answer).hexdigest() for answer in ledger.answers} <= set(released)
        assert ledger.secrets
        for version, value in ledger.secrets.items():
            assert client.reveal_secret("counter", version).reveal() == value
        stored = [
            r.details["version"] for r in records if (r.kind, r.details.get("secret")) == ("secret-set", "counter")
        ]
        assert stored == list(range(1, len(stored) + 1))
        assert set(ledger.secrets) <= set(stored)
    with httpx2.Client(base_url=f"https://{mortal.address}", verify=False, timeout=20) as http:
        for body in ledger.bodies[:: len(ledger.bodies) // 20]:
            assert http.post("/v1/activations", content=body).json()["error"]["code"] == "nonce-rejected"
    mortal.kill()
    reopened = open_state(tmp_path / "state", tmp_path / "unseal.key")
    assert reopened.face == face
    reopened.store.close()
    mortal.start()
    for file in (tmp_path / "state").iterdir():
        assert b"canary-kill" not in file.read_bytes()
