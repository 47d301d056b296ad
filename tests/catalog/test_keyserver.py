"""A key server in an enclave: its client attests it, pins it, and has it provision Redis, which proves who did."""

import json
import time
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest

from caisson import catalog
from caisson.evidence import EnclaveRule, Policy
from caisson.keyserver import Generation, KeyServerClient, Secret, SecretKind, Workload
from caisson.protocol import ServerKeyHash
from caisson.sgx import MrEnclave, MrSigner
from tests.catalog.running import brought_up

REDIS = "redis-from-inside"
IMAGE = "caisson/redis:from-inside"


@pytest.fixture(scope="module")
def server():
    with brought_up("keyserver") as running:
        yield running
        running.stage.run("docker", "rm", "--force", "--volumes", REDIS)


@pytest.fixture(scope="module")
def pin(server):
    """Its identity, over TLS whose certificate carried evidence that the policy accepts."""
    up = server.up
    attested = server.stage.caisson("attest", up["address"], "--policy", up["policy"], "--pcs", up["pcs"])
    assert attested.status == 0, attested.stderr
    done = server.stage.run("curl", "-sS", "--fail", "--cacert", up["ca"], f"https://{up['address']}/v1/identity")
    return ServerKeyHash.of(b64decode(json.loads(done.stdout)["server_key"]))


@pytest.fixture(scope="module")
def image(server, pin):
    return server.stage.ask(
        *("build", "--catalog", "redis", "--runtime", "native", "--key", server.stage.home / "signing-key.pem"),
        *("--key-server-pin", pin, "--force", IMAGE),
    )


@pytest.fixture(scope="module")
def policy(server, pin, image):
    outer = Policy.parse(Path(server.up["policy"]).read_bytes())
    rule = EnclaveRule(
        mr_enclave=MrEnclave.from_hex(image["mrenclave"]), mr_signer=MrSigner.from_hex(image["mrsigner"])
    )
    return replace(outer, key_servers=frozenset({pin}), enclaves=(rule,))


@pytest.fixture(scope="module")
def password(server, policy):
    """Its operator gives it Redis's workload; it makes the secrets itself."""
    up, recipe = server.up, catalog.load("redis").recipe
    token = Secret(f"caisson-0000000000000001-{server.secrets['keyserver-token']}".encode())
    with KeyServerClient.connect(f"https://{up['address']}", ca=Path(up["ca"]).read_text(), token=token) as client:
        for secret in recipe.provision.secret:
            client.generate_secret(secret.name, Generation(kind=SecretKind(secret.kind), length=secret.length))
        document = recipe.provision.workload(name="redis", policy=policy.encode())
        client.set_workload(Workload.parse(document))
        return client.reveal_secret("redis-password").reveal().decode()


@pytest.fixture(scope="module")
def redis(server, password):
    assert password
    inside = server.inspect("NetworkSettings")["IPAddress"]
    run = ("run", IMAGE, "--name", REDIS, "--workload", "redis", "--key-server", f"https://{inside}:8700")
    server.stage.succeed(*run, "--publish", "6379", "--detach")
    return server.stage.run("docker", "port", REDIS, "6379/tcp").stdout.split()[0]


def test_its_certificate_is_the_enclaves_and_another_policy_refuses_it(server, tmp_path):
    up = server.up
    other = tmp_path / "policy.toml"
    other.write_text(Path(up["policy"]).read_text().replace(up["mrenclave"], "00" * 32))
    done = server.stage.caisson("attest", up["address"], "--policy", other, "--pcs", up["pcs"])
    assert done.status == 1
    assert "mrenclave is" in done.stdout


def test_redis_gets_its_password_from_inside(server, redis, password, tmp_path):
    authority = tmp_path / "ca.pem"
    up = server.up
    done = server.stage.run("curl", "-sS", "--fail", "--cacert", up["ca"], f"https://{up['address']}/v1/ca")
    authority.write_text(done.stdout)
    host, _, port = redis.rpartition(":")
    host = "127.0.0.1" if host == "0.0.0.0" else host
    client = ("redis-cli", "--tls", "--cacert", authority, "-h", host, "-p", port)
    deadline = time.monotonic() + 60
    while (answer := server.stage.run(*client, "PING", REDISCLI_AUTH=password)).stdout.strip() != "PONG":
        said = answer.stdout + answer.stderr + server.stage.run("docker", "logs", REDIS).stderr
        assert time.monotonic() < deadline, f"{said}\n{server.logs()}"
        time.sleep(0.2)


def test_redis_proves_that_this_server_gave_it_its_secrets_and_no_other(server, redis, policy, tmp_path):
    port = redis.rpartition(":")[2]
    accepting, refusing = tmp_path / "inner.toml", tmp_path / "outer.toml"
    accepting.write_text(policy.encode())
    outer = Policy.parse(Path(server.up["policy"]).read_bytes()).key_servers
    refusing.write_text(replace(policy, key_servers=outer).encode())
    for file, status in ((accepting, 0), (refusing, 1)):
        done = server.stage.caisson("attest", f"127.0.0.1:{port}", "--policy", file, "--pcs", server.up["pcs"])
        assert done.status == status, done.stderr
