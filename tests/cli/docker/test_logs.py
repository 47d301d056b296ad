"""`caisson logs`, with an engine that answers as Docker does."""

import struct

import httpx2
import pytest

from caisson.cli.app import run

OUTPUT = b"".join(struct.pack(">BxxxI", n, len(text)) + text for n, text in ((1, b"out\n"), (2, b"err\n")))


@pytest.fixture(autouse=True)
def redis(engine):
    engine.runs("redis")
    engine.says("GET", "/containers/redis/logs", content=OUTPUT)


def asked(engine):
    return dict(httpx2.URL(str(engine.requests[-1].url)).params)


def test_each_stream_goes_to_its_own(engine, capfdbinary):
    assert run(["logs", "redis"]) == 0
    assert capfdbinary.readouterr() == (b"out\n", b"err\n")
    assert asked(engine) == {"stdout": "true", "stderr": "true", "follow": "false"}


def test_what_is_asked_for_is_asked_of_the_engine(engine):
    assert run(["logs", "redis", "--follow", "--tail", "3", "--since", "2026-11-23T12:00:00Z"]) == 0
    assert asked(engine) == {
        "stdout": "true",
        "stderr": "true",
        "follow": "true",
        "tail": "3",
        "since": "1795435200.000000000",
    }


def test_a_terminal_is_one_stream_without_frames(engine, capfdbinary):
    engine.runs("redis", terminal=True)
    engine.says("GET", "/containers/redis/logs", content=b"plain")
    assert run(["logs", "redis"]) == 0
    assert capfdbinary.readouterr() == (b"plain", b"")


def test_others_are_not_read(engine, capsys):
    assert run(["logs", "nginx"]) == 2
    assert capsys.readouterr().err == ("error: no confidential container is named `nginx`\nhint: there are: `redis`\n")
    assert ("GET", "/containers/nginx/logs") not in engine.asked


@pytest.mark.parametrize("since", ["yesterday", "10", "10y", "2026-11-32", "999999999d"])
def test_a_time_that_is_none_is_a_mistake(since, capsys):
    assert run(["logs", "redis", "--since", since]) == 2
    assert "--since" in capsys.readouterr().err
