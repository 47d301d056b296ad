"""`caisson ps`: an engine that answers as Docker does, and a real key server in memory."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from caisson.cli import ps as ps_module
from caisson.cli.app import run
from caisson.errors import Unavailable
from tests.cli.docker.conftest import MR_ENCLAVE

IMAGE = "/images/sha256:" + "ab" * 32 + "/json"
NOON = 1_795_435_200
KEY = b"the enclave's own key"


@dataclass
class World:
    """A key server, and an engine on which Redis has run since noon."""

    keyserver: Any
    engine: Any

    def activate(self, *, at, tls_key="11" * 32, **more):
        """Let the audit log have a record of an activation of the enclave above."""
        server = self.keyserver.operator.server
        with server.store.write() as session:
            server.audit.append(
                session,
                "activation-released",
                actor="guest:redis",
                now=at,
                details={
                    "workload": "redis",
                    "workload_version": 1,
                    "policy_sha256": "9f" * 32,
                    "mrenclave": str(MR_ENCLAVE),
                    "mrsigner": "5a" * 32,
                    "isv_prod_id": 17,
                    "isv_svn": 1,
                    "root": "77" * 32,
                    "tcb_status": "UpToDate",
                    "tls_key_sha256": tls_key,
                }
                | more,
            )

    def publishes(self):
        """Let Redis offer its port."""
        ports = {"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "40000"}]}
        self.engine.state("redis", env=["CAISSON_WORKLOAD=redis"], ports=ports)

    def listed(self, *options):
        """Give what programs read of the only container."""
        code, out, err = self.keyserver("ps", "--json", *options)
        assert code == 0, err
        (container,) = json.loads(out)["containers"]
        return container

    def shown(self):
        """Give what people read of it."""
        code, out, err = self.keyserver("ps")
        assert (code, err) == (0, "")
        return out.splitlines()[1]


@pytest.fixture
def world(keyserver, engine, archive, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2375")
    engine.runs("redis", env=["CAISSON_WORKLOAD=redis"])
    engine.says("GET", "/containers/redis/archive", content=archive)
    engine.says("GET", IMAGE, json={"RepoTags": ["caisson/redis:7"]})
    return World(keyserver, engine)


def test_people_see_what_runs_and_when_it_was_attested(world, capsys):
    world.activate(at=NOON + 1)
    assert run(["ps"]) == 0
    heading, line, by = capsys.readouterr().out.splitlines()
    assert heading.split() == [
        *("NAME", "STATE", "IMAGE", "RUNTIME", "MRENCLAVE", "MRSIGNER", "PRODUCT", "ATTESTED", "POLICY", "CERTIFICATE")
    ]
    for words in (
        "redis  running",
        "caisson/redis:7",
        "native",
        str(MR_ENCLAVE)[:12],
        "17, svn 1",
        "12:00:01",
        "9f9f9f",
    ):
        assert words in line
    assert by == f"attested by the key server {world.keyserver.operator.server.face.key_hash}"


def test_programs_see_all_of_it(world):
    world.activate(at=NOON + 1)
    container = world.listed()
    assert container["enclave"]["mrenclave"] == str(MR_ENCLAVE)
    assert container["attested"] == {
        "binding": "name",
        "others": [],
        "newest_workload_version": None,
        "time": NOON + 1,
        "sequence": 2,
        "workload_version": 1,
        "policy_sha256": "9f" * 32,
        "root": "77" * 32,
        "tcb_status": "UpToDate",
        "certificate_expires": None,
        "certificate": None,
    }


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (137, "exited 137, SIGKILL"),
        (0, "exited 0 "),
        (1, "exited 1 "),
        (88, "exited 88, before its program began"),
        (255, "exited 255 "),
    ],
)
def test_how_it_ended_is_said(world, code, words):
    world.engine.ended("redis", code)
    assert words in world.shown()


def test_one_that_was_not_attested_since_it_started_is_said_to_be_so(world):
    world.activate(at=NOON - 5)
    assert world.listed()["attested"]["binding"] == "none"
    assert "not since it started" in world.shown()


@pytest.mark.parametrize(
    ("hours", "state", "words"),
    [
        (1, "good", "  until 2026-11-24 12:00:00"),
        (17.9, "good", "  until 2026-11-24 12:00:00"),
        (18, "due", "  until 2026-11-24 12:00:00: start it again before"),
        (23.9, "due", "  until 2026-11-24 12:00:00: start it again before"),
        (24, "ended", "  ended 2026-11-24 12:00:00: start it again"),
        (900, "ended", "  ended 2026-11-24 12:00:00: start it again"),
    ],
)
def test_the_end_of_a_certificate_is_seen_before_it_comes(world, monkeypatch, hours, state, words):
    world.activate(at=NOON, certificate_expires=NOON + 24 * 3600)
    monkeypatch.setattr(ps_module.time, "time", lambda: NOON + hours * 3600)
    attested = world.listed()["attested"]
    assert (attested["certificate"], attested["certificate_expires"]) == (state, NOON + 24 * 3600)
    assert world.shown().endswith(words)


def test_one_that_does_not_run_shows_nobody_a_certificate(world):
    world.activate(at=NOON + 1, certificate_expires=NOON + 2)
    ended = {"Status": "exited", "Pid": 0, "ExitCode": 0, "FinishedAt": "2026-11-23T12:00:09.5Z"}
    world.engine.state("redis", env=["CAISSON_WORKLOAD=redis"], **ended)
    assert world.listed()["attested"]["certificate"] is None
    assert "start it again" not in world.shown()


def test_without_a_key_server_nothing_is_known_and_nothing_guessed(world, capsys, monkeypatch):
    world.activate(at=NOON + 1)
    monkeypatch.delenv("CAISSON_KEY_SERVER")
    assert run(["ps"]) == 0
    out, err = capsys.readouterr()
    assert "unknown" in out
    assert "attested by" not in out
    assert "no key server was named" in err


def test_a_key_server_that_was_named_and_does_not_answer_is_no_verdict(world, monkeypatch):
    def fail(_self, **_options):
        raise Unavailable("down")

    monkeypatch.setattr("caisson.keyserver.client.KeyServerClient.audit_lines", fail)
    assert world.keyserver("ps") == (3, "", "error: down\n")


def test_a_log_whose_chain_is_broken_is_not_believed(world, monkeypatch):
    world.activate(at=NOON + 1)
    monkeypatch.setattr("caisson.keyserver.client.KeyServerClient.audit_lines", lambda _self: iter([b"{}"]))
    assert run(["ps"]) == 1


@pytest.mark.parametrize(("spki", "binding"), [(KEY, "key"), (b"another", "foreign")])
def test_the_key_that_answers_is_proof(world, monkeypatch, spki, binding):
    world.activate(at=NOON - 60, tls_key=ps_module.sha256(KEY).hexdigest())
    world.publishes()

    class Shown:
        pass

    Shown.spki = spki
    monkeypatch.setattr(ps_module, "peer_certificate", lambda *_: Shown)
    assert world.listed("--connect")["attested"]["binding"] == binding


def test_another_machines_ports_are_not_asked_on_this_one(world, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine.test:2375")
    assert world.keyserver("ps", "--connect") == (
        2,
        "",
        (
            "error: the engine at `tcp://engine.test:2375` is another machine's, and so are its ports\n"
            "hint: run this there, or attest each port with `caisson attest HOST:PORT`\n"
        ),
    )


def test_a_port_that_does_not_answer_proves_nothing(world, monkeypatch):
    world.activate(at=NOON + 1)
    world.publishes()

    def silent(*_):
        raise Unavailable("nobody")

    monkeypatch.setattr(ps_module, "peer_certificate", silent)
    assert world.listed("--connect")["attested"]["binding"] == "name"


def test_a_container_without_a_sigstruct_has_no_enclave(world):
    del world.engine.answers["GET", "/containers/redis/archive"]
    container = world.listed()
    assert (container["enclave"], container["attested"]["binding"]) == (None, "unknown")
    assert "none" in world.shown()


def test_an_image_without_a_name_is_shown_by_its_own_words(world):
    del world.engine.answers["GET", IMAGE]
    assert "caisson/redis:latest" in world.shown()
    digest = "caisson/redis@sha256:" + "cd" * 32
    for image, shown in (("sha256:" + "cd" * 32, " cdcdcdcdcdcd "), (digest, digest)):
        world.engine.state("redis", name_of_image=image)
        assert shown in world.shown()


def test_nothing_there_is_said(keyserver, engine):
    engine.runs()
    assert keyserver("ps") == (0, "no confidential containers\n", "")


def test_one_that_is_removed_meanwhile_is_not_listed(world):
    del world.engine.answers["GET", "/containers/redis/json"]
    assert world.keyserver("ps") == (0, "no confidential containers\n", "")


def test_what_is_beside_another_stands_behind_it_and_says_so(world):
    world.engine.runs("a-store", "redis", beside={"a-store": "redis"})
    _, out, _ = world.keyserver("ps", "--json")
    assert [(one["name"], one["beside"]) for one in json.loads(out)["containers"]] == [
        ("redis", None),
        ("a-store", "redis"),
    ]
    _, out, _ = world.keyserver("ps")
    assert [line.split("  ")[0] for line in out.splitlines()[1:3]] == ["redis", "a-store, beside redis"]
