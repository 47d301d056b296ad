"""The Docker client against a transport that answers as the engine does."""

import contextlib
import gc
import io
import json
import struct
import tarfile
from datetime import UTC, datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.engine import Docker
from caisson.engine.archive import only_file
from caisson.engine.event import EngineEvent
from caisson.engine.log import pieces
from caisson.errors import Unavailable, UsageError
from caisson.lifecycle import Happening


@pytest.fixture
def engine():
    """A client, and the answers it will get by method and path."""
    answers: dict[tuple[str, str], httpx2.Response] = {}
    asked: list[tuple[str, str]] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        key = (request.method, request.url.path)
        asked.append(key)
        return answers.get(key, httpx2.Response(404, json={"message": "no such thing"}))

    docker = Docker("unix:///nowhere")
    docker._http.close()
    docker._http = httpx2.Client(transport=httpx2.MockTransport(handle), base_url="http://docker")
    with docker:
        yield docker, answers, asked


# httpx2 leaves a socket whose connection was refused to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_is_not_there_is_no_verdict(tmp_path):
    with Docker(f"unix://{tmp_path}/docker.sock") as docker, pytest.raises(Unavailable) as failure:
        docker.state("c")
    assert "DOCKER_HOST" in failure.value.hint
    del failure  # and with it the frames that hold the socket
    gc.collect()


def test_an_unknown_kind_of_host_is_refused():
    with pytest.raises(UsageError, match="neither"):
        Docker("ssh://somewhere")


def test_a_missing_container_has_no_state(engine):
    docker, _, _ = engine
    assert docker.state("nobody") is None


def test_a_missing_image_has_no_configuration(engine):
    docker, _, _ = engine
    with pytest.raises(UsageError, match="no image"):
        docker.image_config("nothing")


def test_a_container_that_cannot_start_is_removed(engine):
    docker, answers, asked = engine
    answers["POST", "/containers/create"] = httpx2.Response(201, json={"Id": "c1"})
    answers["POST", "/containers/c1/start"] = httpx2.Response(500, json={"message": "exec format error"})
    answers["DELETE", "/containers/c1"] = httpx2.Response(204)
    with pytest.raises(UsageError, match="exec format error"):
        docker.run("n", {"Image": "i"})
    assert asked[-1] == ("DELETE", "/containers/c1")


def test_a_name_that_is_taken_says_how_to_free_it(engine):
    docker, answers, _ = engine
    answers["POST", "/containers/create"] = httpx2.Response(409, json={"message": "Conflict"})
    with pytest.raises(UsageError, match="exists already") as failure:
        docker.run("redis", {"Image": "i"})
    assert failure.value.hint == "stop it with `caisson down redis`"


def test_logs_are_taken_out_of_their_frames(engine):
    docker, answers, _ = engine
    frames = b"".join(
        struct.pack(">BxxxI", stream, len(text)) + text for stream, text in ((1, b"out\n"), (2, b"err\n"))
    )
    answers["GET", "/containers/c/logs"] = httpx2.Response(200, content=frames)
    assert docker.logs("c") == "out\nerr\n"


def test_logs_that_end_within_a_frame_give_what_is_there(engine):
    docker, answers, _ = engine
    answers["GET", "/containers/c/logs"] = httpx2.Response(200, content=struct.pack(">BxxxI", 1, 9) + b"cut")
    assert docker.logs("c") == "cut"


def test_the_gateway_is_the_first_address_until_the_engine_names_one(engine):
    docker, answers, _ = engine
    pool = {"IPAM": {"Config": [{"Subnet": "172.30.0.0/16"}]}}
    answers["GET", "/networks/bridge"] = httpx2.Response(200, content=json.dumps(pool))
    assert docker.bridge_gateway() == "172.30.0.1"
    pool["IPAM"]["Config"][0]["Gateway"] = "172.30.0.254"
    answers["GET", "/networks/bridge"] = httpx2.Response(200, content=json.dumps(pool))
    assert docker.bridge_gateway() == "172.30.0.254"


def test_a_subnet_that_is_written_as_the_bridges_own_address_is_one(engine):
    docker, answers, _ = engine
    pool = {"IPAM": {"Config": [{"Subnet": "172.30.0.9/16"}]}}
    answers["GET", "/networks/bridge"] = httpx2.Response(200, json=pool)
    assert docker.bridge_gateway() == "172.30.0.1"


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"null", b"{}", b'{"NetworkSettings": {"Ports": {"x": 1}}}']
)
def test_an_answer_of_another_shape_is_no_verdict(engine, content):
    docker, answers, _ = engine
    answers["GET", "/networks/bridge"] = httpx2.Response(200, content=content)
    answers["GET", "/containers/c/json"] = httpx2.Response(200, content=content)
    answers["GET", "/images/i/json"] = httpx2.Response(200, content=content)
    answers["POST", "/containers/c/wait"] = httpx2.Response(200, content=content)
    for ask in (
        docker.bridge_gateway,
        lambda: docker.state("c"),
        lambda: docker.image_config("i"),
        lambda: docker.image_id("i"),
        lambda: docker.wait("c", timeout=1),
    ):
        with pytest.raises(Unavailable, match="not what its API promises"):
            ask()


def test_a_name_is_a_name_and_no_path(engine):
    docker, _, asked = engine
    assert docker.state("../images/x?all=true#") is None
    assert asked == [("GET", "/containers/../images/x?all=true#/json")]


def test_following_what_is_not_there_is_refused(engine):
    docker, _, _ = engine
    with pytest.raises(UsageError, match="no such thing"):
        list(docker.output("nobody", follow=True))


@pytest.mark.parametrize("status", [204, 404, 409])
def test_removing_what_is_gone_already_is_no_error(engine, status):
    docker, answers, _ = engine
    answers["DELETE", "/containers/c"] = httpx2.Response(status, json={"message": "no"})
    docker.remove("c")


def test_why_a_container_did_not_start_is_said_even_if_it_cannot_be_removed(engine):
    docker, answers, _ = engine
    answers["POST", "/containers/create"] = httpx2.Response(201, json={"Id": "c1"})
    answers["POST", "/containers/c1/start"] = httpx2.Response(500, json={"message": "port is taken"})
    answers["DELETE", "/containers/c1"] = httpx2.Response(500, json={"message": "device is busy"})
    with pytest.raises(UsageError, match="port is taken"):
        docker.run("n", {"Image": "i"})


@pytest.mark.parametrize("host", ["unix://", "tcp://", "tcp://a:b", "", "/var/run/docker.sock"])
def test_a_host_without_an_address_is_refused(monkeypatch, host):
    monkeypatch.setenv("DOCKER_HOST", host or "nothing")
    with pytest.raises(UsageError, match="neither"):
        Docker()


STATE = {"Status": "running", "Pid": 7, "ExitCode": 0, "StartedAt": "2026-11-23T12:00:00.123456789Z"}


def described(**changes):
    config = {"Labels": None, "Env": ["A=b=c", "D="], "Entrypoint": ["/p"], "Image": "i", "Tty": False}
    return {
        "Id": "c",
        "Name": "/n",
        "Image": "sha256:1",
        "Config": config,
        "State": STATE,
        "NetworkSettings": {"Ports": None},
    } | changes


def test_a_state_is_all_that_the_engine_says(engine):
    docker, answers, _ = engine
    answers["GET", "/containers/c/json"] = httpx2.Response(200, json=described())
    state = docker.state("c")
    assert (state.name, state.image, state.entrypoint) == ("n", "i", ("/p",))
    assert state.environment == {"A": "b=c", "D": ""}
    assert state.started == datetime(2026, 11, 23, 12, 0, 0, 123456, UTC)
    assert (state.ended, state.health, state.restarts) == (None, None, 0)


def test_what_never_happened_has_no_time(engine):
    docker, answers, _ = engine
    never = "0001-01-01T00:00:00Z"
    state = {"Status": "created", "Pid": 0, "ExitCode": 0, "StartedAt": never, "FinishedAt": never}
    answers["GET", "/containers/c/json"] = httpx2.Response(200, json=described(State=state))
    found = docker.state("c")
    assert (found.started, found.ended) == (None, None)


def test_a_running_container_has_not_ended_whatever_its_last_run_did(engine):
    docker, answers, _ = engine
    again = STATE | {"FinishedAt": "2026-11-23T11:59:00Z", "Health": {"Status": "healthy"}}
    answers["GET", "/containers/c/json"] = httpx2.Response(200, json=described(State=again))
    found = docker.state("c")
    assert (found.ended, found.health) == (None, "healthy")


def archive(name, content, kind=tarfile.REGTYPE):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.size = kind, len(content)
        tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def test_a_file_is_taken_out_of_its_archive(engine):
    docker, answers, _ = engine
    answers["GET", "/containers/c/archive"] = httpx2.Response(200, content=archive("app.sig", b"content"))
    assert docker.file("c", "/app.sig", largest=7) == b"content"


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(404, json={"message": "no such file"}),
        httpx2.Response(200, content=archive("app.sig", b"", tarfile.DIRTYPE)),
        httpx2.Response(200, content=archive("app.sig", b"", tarfile.FIFOTYPE)),
        httpx2.Response(200, content=archive("app.sig", b"too long")),
        httpx2.Response(200, content=archive("app.sig", bytes(1 << 20))),
    ],
)
def test_what_is_no_file_of_that_size_is_none(engine, answer):
    docker, answers, _ = engine
    answers["GET", "/containers/c/archive"] = answer
    assert docker.file("c", "/app.sig", largest=7) is None


@given(raw=st.binary(max_size=2048))
def test_an_archive_is_a_file_or_none_or_no_archive(raw):
    with contextlib.suppress(ValueError):
        only_file([raw], largest=64)


def test_an_archive_that_is_none_is_no_verdict(engine):
    docker, answers, _ = engine
    answers["GET", "/containers/c/archive"] = httpx2.Response(200, content=b"no archive")
    with pytest.raises(Unavailable, match="not what its API promises"):
        docker.file("c", "/app.sig", largest=7)


EVENT = {
    "Type": "container",
    "Action": "die",
    "Actor": {"ID": "c", "Attributes": {"name": "n", "image": "i", "exitCode": "137"}},
    "time": 1795435200,
    "timeNano": 1795435200123456789,
}


def test_events_are_lines(engine):
    docker, answers, _ = engine
    lines = "\n".join(json.dumps(event) for event in (EVENT, EVENT | {"Action": "start"}))
    answers["GET", "/events"] = httpx2.Response(200, text=lines)
    first, second = docker.events(label="l", since=0, until=1)
    assert (first.time, first.action, first.name, first.exit_code) == (1795435200123456789, "die", "n", 137)
    assert second.action == "start"


@pytest.mark.parametrize("line", ["{}", "[]", "x", json.dumps(EVENT | {"timeNano": "x"})])
def test_an_event_of_another_shape_is_no_verdict(engine, line):
    docker, answers, _ = engine
    answers["GET", "/events"] = httpx2.Response(200, text=line)
    with pytest.raises(Unavailable, match="not what its API promises"):
        docker.events(label="l", since=0, until=1)


@given(
    texts=st.lists(st.tuples(st.sampled_from((1, 2)), st.binary(min_size=1, max_size=20)), max_size=5),
    size=st.integers(1, 9),
)
def test_frames_may_come_in_any_pieces(texts, size):
    raw = b"".join(struct.pack(">BxxxI", stream, len(text)) + text for stream, text in texts)
    chunks = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert [(piece.stream, piece.text) for piece in pieces(chunks)] == texts


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=30)
    | st.just("9999-12-31T23:59:59-23:00"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
PLACES = (
    *(("Config", name) for name in ("Labels", "Env", "Entrypoint", "Image", "Tty")),
    *(("State", name) for name in ("Status", "Health", "Pid", "ExitCode", "StartedAt", "FinishedAt")),
    ("NetworkSettings", "Ports"),
)


@given(place=st.sampled_from(PLACES), value=JSON)
def test_a_state_with_one_strange_member_is_a_state_or_no_verdict(place, value):
    outer, inner = place
    found = described()
    found[outer] = found[outer] | {inner: value}
    docker = Docker("unix:///nowhere")
    docker._http.close()
    docker._http = httpx2.Client(
        transport=httpx2.MockTransport(lambda _: httpx2.Response(200, text=json.dumps(found))), base_url="http://docker"
    )
    with docker, contextlib.suppress(Unavailable):
        state = docker.state("c")
        assert (type(state.exit_code), type(state.status)) == (int, str)
        assert state.started is None or state.started.tzinfo is UTC


@given(member=st.sampled_from(sorted(EVENT)), value=JSON)
def test_an_event_with_one_strange_member_is_an_event_or_none(member, value):
    with contextlib.suppress(AttributeError, LookupError, TypeError, ValueError, OverflowError):
        event = EngineEvent.of(EVENT | {member: value})
        assert Happening.of_engine(event) is None or Happening.of_engine(event).moment.tzinfo is UTC
