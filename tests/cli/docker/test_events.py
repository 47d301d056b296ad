"""`caisson events`: an engine that answers as Docker does, and a real key server in memory."""

import json

import pytest

NOON = 1_795_435_200
SECOND = 1_000_000_000


def line(action, time, **about):
    return json.dumps(
        {
            "Action": action,
            "Actor": {"ID": "c", "Attributes": {"name": "redis", "image": "i"} | about},
            "timeNano": int(time * 10) * SECOND // 10,
        }
    )


@pytest.fixture
def told(keyserver, engine):
    """A key server whose log begins at noon, and an engine that remembers one container."""
    engine.says("GET", "/events", text="\n".join([line("start", NOON), line("die", NOON + 3, exitCode="137")]))
    server = keyserver.operator.server
    with server.store.write() as session:
        for kind, more in (("activation-refused", {"reason": "it is another enclave"}), ("secret-set", {})):
            details = {"workload": "redis"} | more
            server.audit.append(session, kind, actor="guest:redis", now=NOON + 1, details=details)
    return keyserver


def test_people_read_it_in_order(told):
    assert told("events") == (
        0,
        (
            "2026-11-23 12:00:00  engine      start                     redis\n"
            "2026-11-23 12:00:01  key-server  activation-refused        redis  because it is another enclave\n"
            "2026-11-23 12:00:03  engine      die                       redis  exit code 137\n"
        ),
        "",
    )


def test_people_read_until_when_a_certificate_is_good(told):
    server = told.operator.server
    with server.store.write() as session:
        details = {"workload": "redis", "policy_sha256": "9f" * 32, "certificate_expires": NOON + 86100}
        server.audit.append(session, "activation-released", actor="guest:redis", now=NOON + 2, details=details)
    assert "policy 9f9f9f9f9f9f, certificate until 2026-11-24 11:55:00\n" in told("events")[1]


def test_programs_read_a_line_of_json_for_each(told):
    code, out, _ = told("events", "--json")
    assert code == 0
    first, second, third = map(json.loads, out.splitlines())
    assert first == {
        "version": 1,
        "time": "2026-11-23T12:00:00+00:00",
        "source": "engine",
        "event": "start",
        "container": "redis",
        "id": "c",
        "image": "i",
    }
    assert (second["event"], second["workload"], second["sequence"]) == ("activation-refused", "redis", 2)
    assert third["exit_code"] == 137


def test_what_was_before_is_left_out(told, engine):
    code, out, _ = told("events", "--since", "2026-11-23T12:00:02Z")
    assert code == 0
    assert "key-server" not in out
    (asked,) = [request for request in engine.requests if request.url.path == "/events"]
    assert asked.url.params["since"] == f"{NOON + 2}.000000000"


def test_without_a_key_server_the_engine_alone_tells(told, monkeypatch):
    monkeypatch.delenv("CAISSON_KEY_SERVER")
    code, out, err = told("events")
    assert code == 0
    assert "key-server" not in out
    assert "the engine alone tells" in err


def test_following_tells_each_thing_once_and_ends_with_the_engine(told, engine):
    answers = [[line("start", NOON)], [line("start", NOON), line("kill", NOON + 2)], [line("kill", NOON + 2)]]

    def next_answer():
        if answers:
            engine.says("GET", "/events", text="\n".join(answers.pop(0)))
        else:
            engine.says("GET", "/events", 500, text="gone")

    engine.then["GET", "/events"] = next_answer
    code, out, err = told("events", "--follow")
    assert (code, err) == (2, "error: the Docker engine refuses: gone\n")
    assert [one.split()[3] for one in out.splitlines()] == ["start", "activation-refused", "kill"]


def test_a_log_that_lacks_something_while_it_is_followed_is_refused(told, monkeypatch):
    whole = list(told.operator.audit_lines(after=-1, limit=100))
    monkeypatch.setattr(
        "caisson.keyserver.client.KeyServerClient.audit_lines",
        lambda _self, after: iter(whole[:2] if after < 0 else whole[3:]),
    )
    code, _, err = told("events", "--follow")
    assert code == 1
    assert "audit record 2 is missing" in err
