"""`caisson serve-verifier` as a process: real requests, a stranger's view of its API, and an orderly end."""

import contextlib
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from caisson.cli.app import run
from caisson.evidence import EarSigner, verify_ear
from caisson.platform import PcsServer, pcs_application
from caisson.protocol import ServerKeyHash
from caisson.sgx import ReportData
from tests.guest import Recorded, launch, make_platform, naming, policy

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def platform():
    return make_platform(NOW.timestamp())


@pytest.fixture(scope="module")
def quote(platform):
    return platform.quote(launch(platform).ereport(platform.quoting_enclave.target_info, ReportData(bytes(64))))


@pytest.fixture(scope="module")
def files(tmp_path_factory, platform):
    directory = tmp_path_factory.mktemp("verifier")
    key = generate_private_key(SECP256R1())
    (directory / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    text = policy(platform, launch(platform), ServerKeyHash(b"S" * 32))
    (directory / "redis.policy.toml").write_text(text)
    return directory


@contextlib.contextmanager
def served(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "caisson.cli", "serve-verifier", "--listen", "127.0.0.1:0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("ready "), process.stderr.read()
        yield process, line.removeprefix("ready ").strip()
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_evidence_in_and_a_signed_verdict_out(platform, quote, files):
    """The collateral comes from the platform's own service, and is kept while that is away."""
    body = {"evidence": b64encode(quote).decode(), "policy": "redis", "nonce": "fresh-0123456789"}
    with contextlib.ExitStack() as stack:
        pcs = PcsServer(pcs_application(platform, lambda: datetime.now(UTC)), host="127.0.0.1", port=0)
        stack.enter_context(pcs)
        _, url = stack.enter_context(
            served(
                *("--key", str(files / "key.pem"), "--policy", str(files / "redis.policy.toml")),
                *("--pcs", f"http://127.0.0.1:{pcs.port}", "--collateral-cache", str(files / "cache")),
            )
        )
        client = stack.enter_context(httpx2.Client(base_url=url, timeout=60, trust_env=False))
        for _ in range(2):
            said = client.post("/v1/verify", json=body).json()
            assert (said["genuine"], said["accepted"]) == (True, True), said
            pcs.close()
        keys = client.get("/.well-known/jwks.json").json()
        assert keys == EarSigner.load((files / "key.pem").read_bytes()).keys()
        assert verify_ear(said["token"], keys, at=datetime.now(UTC)).nonce == "fresh-0123456789"
        assert client.post("/v1/verify", content=bytes(2 << 20)).status_code == 413


def test_another_library_finds_the_key_and_checks_the_token(platform, quote):
    """PyJWT knows nothing of us: what is published has to be enough, and one changed letter too much."""
    body = {"evidence": b64encode(quote).decode(), "collateral": platform.collateral(datetime.now(UTC))}
    with served() as (_, url), httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        token = client.post("/v1/verify", json=body).json()["token"]
        published = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, options={"require": ["iat", "exp"]})
    assert claims["submods"]["evidence"]["ear.status"] == "contraindicated"  # no root of a vendor's
    head, payload, signature = token.split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(".".join((head, payload[:-2] + ("A" if payload[-2] != "A" else "B") + payload[-1:], signature)), key)


def test_a_signal_ends_it_in_order():
    with served() as (process, url):
        assert httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err.endswith("stopped\n")


def test_a_slow_client_keeps_nobody_waiting():
    with served() as (_, url), httpx2.Client(base_url=url, timeout=8, trust_env=False) as client:
        host, port = url.removeprefix("http://").split(":")
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                slow = stack.enter_context(socket.create_connection((host, int(port))))
                slow.sendall(b"POST /v1/verify HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
            # Within the client's eight seconds: the slow ones are shown out after ten.
            assert client.get("/healthz").status_code == 200


def test_a_forged_quote_makes_it_ask_nobody_for_collateral(quote, files):
    made_up = make_platform(NOW.timestamp())
    report = launch(made_up).ereport(made_up.quoting_enclave.target_info, ReportData(bytes(64)))
    changed = quote[:400] + bytes([quote[400] ^ 1]) + quote[401:]
    with socket.create_server(("127.0.0.1", 0)) as pcs:
        pcs.settimeout(0)
        options = ("--policy", str(files / "redis.policy.toml"), "--pcs", f"http://127.0.0.1:{pcs.getsockname()[1]}")
        with served(*options) as (_, url), httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
            for forged in (made_up.quote(report), changed):
                body = {"evidence": b64encode(forged).decode(), "policy": "redis"}
                assert client.post("/v1/verify", json=body).json()["genuine"] is False
        with pytest.raises(BlockingIOError):
            pcs.accept()


def test_strangers_make_it_ask_for_so_many_certificates_of_pcks_and_no_more(platform, quote, files):
    """An honest quote that only names its PCK, which a live service has, and what strangers make of it."""
    service = Recorded(pcs_application(platform, lambda: datetime.now(UTC)))
    with contextlib.ExitStack() as stack:
        pcs = stack.enter_context(PcsServer(service, host="127.0.0.1", port=0))
        where = ("--pcs", f"http://127.0.0.1:{pcs.port}", "--collateral-cache", str(files / "named"))
        options = ("--policy", str(files / "redis.policy.toml"), *where)

        def asking(*more):
            _, url = stack.enter_context(served(*options, *more))
            return stack.enter_context(httpx2.Client(base_url=url, timeout=60, trust_env=False))

        def ask(client, **name):
            body = {"evidence": b64encode(naming(quote, **name)).decode(), "policy": "redis"}
            return client.post("/v1/verify", json=body)

        strict = asking()
        assert ask(strict).json()["genuine"] is False
        assert service.asked == []
        client = asking("--pcks-per-minute", "12")
        for _ in range(2):
            assert ask(client).json()["accepted"]
        once = ["pckcert", "pckcrl", "tcb", "identity", "rootcacrl"]
        assert service.asked == once
        answers = [ask(client, ppid=number.to_bytes(384, "big")).status_code for number in range(4)]
        # Another name for the same quoting enclave gets the same chain, and another question.
        assert answers == [200, 200, 429, 429]
        assert service.asked == [*once, "pckcert", "pckcert"]
        elsewhere = httpx2.HTTPTransport(local_address="127.0.0.2")
        another = stack.enter_context(httpx2.Client(base_url=client.base_url, transport=elsewhere, timeout=60))
        assert ask(another, ppid=bytes([1] * 384)).json()["accepted"]
        assert ask(client).json()["accepted"]


@pytest.mark.slow
def test_a_stranger_who_reads_the_description_finds_it_true():
    """Schemathesis makes requests from the OpenAPI document and compares every answer with it."""
    program = Path(sys.executable).parent / "schemathesis"
    with served("--per-second", "100000") as (_, url):
        done = subprocess.run(
            [
                *(program, "run", f"{url}/v1/openapi.json", "--max-examples", "15", "--seed", "1"),
                *("--phases", "examples,coverage,fuzzing", "--request-timeout", "60"),
                # Evidence that is well-formed base64 is seldom well-formed evidence.
                *("--exclude-checks", "positive_data_acceptance"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
    assert done.returncode == 0, done.stdout[-4000:]


def test_a_rego_policy_has_a_second_say(platform, quote, files):
    """It sees the facts, and what the other policy accepts it may still refuse."""
    rego = files / "newer.rego"
    rego.write_text("package caisson\n\nallow if {\n\tinput.isv_svn > 3\n}\n")
    body = {
        "evidence": b64encode(quote).decode(),
        "policy": "redis",
        "collateral": platform.collateral(datetime.now(UTC)),
    }
    with served("--policy", str(files / "redis.policy.toml"), "--rego", str(rego)) as (_, url):
        said = httpx2.post(f"{url}/v1/verify", json=body, timeout=60, trust_env=False).json()
    assert (said["genuine"], said["accepted"]) == (True, False)
    assert said["reasons"] == ["the verifier's Rego policy does not allow it"]


def test_what_cannot_be_served_is_said(files, capsys):
    twice = files / "redis.toml"
    twice.write_bytes((files / "redis.policy.toml").read_bytes())
    assert run(["serve-verifier", "--policy", str(twice), "--policy", str(files / "redis.policy.toml")]) == 2
    assert "two policies have the name `redis`" in capsys.readouterr().err
    assert run(["serve-verifier", "--key", str(twice)]) == 1
    assert "not a private key in PEM" in capsys.readouterr().err
    odd = files / "odd.rego"
    odd.write_bytes(b"\xff")
    assert run(["serve-verifier", "--rego", str(odd)]) == 1
    assert "is not text" in capsys.readouterr().err
    for option in (["--pcks-per-minute", "12"], ["--collateral-cache", str(files)]):
        assert run(["serve-verifier", *option]) == 2
        assert capsys.readouterr().err.endswith("\nhint: give `--pcs URL`, too\n")
