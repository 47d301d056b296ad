"""`caisson doctor` looking at this machine, with a provisioning service on a real port as its PCCS."""

import gc
import json
import os
from datetime import UTC, datetime

import pytest

from caisson.cli.app import run
from caisson.doctor.quote_provider import parse_quote_provider
from caisson.doctor.sensors.certificates import ask_pccs
from caisson.platform import PcsServer, pcs_application

# httpx2 leaves a socket whose connection was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def collected():
    """Sockets of refused connections are let go within the test that made them."""
    yield
    gc.collect()


def provider(url):
    return parse_quote_provider("/etc/sgx_default_qcnl.conf", json.dumps({"pccs_url": url}))


def test_the_platforms_own_service_is_a_pccs_that_answers(platform):
    with PcsServer(pcs_application(platform, lambda: datetime.now(UTC)), host="127.0.0.1", port=0) as server:
        found = ask_pccs(provider(f"http://127.0.0.1:{server.port}/sgx/certification/v4/"))
    assert (found.reached, found.revocation, found.identity) == ("", "", "")
    assert found.root_expiry > datetime.now(UTC).timestamp()
    assert abs(found.clock - datetime.now(UTC).timestamp()) < 60


def test_a_pccs_that_is_not_there_is_said_to_be_so():
    found = ask_pccs(provider("https://127.0.0.1:1/sgx/certification/v4/"))
    assert "does not answer" in found.reached
    assert (found.root_expiry, found.clock) == (None, None)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """This machine, but for an engine, a cluster and Podman of its own: secrets lie wherever somebody may look."""
    programs = tmp_path / "bin"
    programs.mkdir()
    kubectl = programs / "kubectl"
    kubectl.write_text(f"#!/bin/sh\necho 'Authorization: Bearer {SECRET}'\necho no cluster >&2\nexit 1\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_HOST", f"tcp://user:{SECRET}@127.0.0.1:1")
    monkeypatch.setenv("SOME_TOKEN", SECRET)
    (tmp_path / "qcnl.conf").write_text(
        f'{{"pccs_url": "https://user:{SECRET}@127.0.0.1:1/v4/?key={SECRET}", '
        f'"custom_request_options": {{"get_cert": {{"headers": {{"key": "{SECRET}"}}}}}}}}'
    )
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "signing-key.pem").write_text(f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n")
    return (
        *("--home", str(tmp_path / "home"), "--aesmd", str(tmp_path), "--qcnl", str(tmp_path / "qcnl.conf")),
        *("--for", "run", "--for", "attest", "--for", "build", "--for", "swarm", "--for", "kubernetes"),
    )


def test_what_is_recorded_can_be_judged_again_and_has_no_secrets(here, tmp_path, capsys):
    path = tmp_path / "readings.json"
    code = run(["doctor", *here, "--record", str(path), "--json"])
    first, said = capsys.readouterr()
    assert code == 1
    assert "look through it before you send it" in said
    assert run(["doctor", "--readings", str(path), *here[-10:], "--json"]) == code
    assert capsys.readouterr().out == first
    text = path.read_text() + first
    assert SECRET not in text
    for value in os.environ.values():
        assert len(value) < 20 or value not in text


def test_a_record_is_not_overwritten(here, tmp_path, capsys):
    path = tmp_path / "readings.json"
    path.write_text("mine")
    assert run(["doctor", *here, "--record", str(path)]) == 2
    assert "use `--force`" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_looking_makes_nothing(here, tmp_path, capsys):
    before = sorted(path for path in tmp_path.rglob("*"))
    run(["doctor", *here])
    capsys.readouterr()
    assert sorted(path for path in tmp_path.rglob("*")) == before
