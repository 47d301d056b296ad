"""`caisson stop`, with an engine that answers as Docker does."""

import json

import pytest

from caisson.cli.app import run

STOP = ("POST", "/containers/redis/stop")


@pytest.mark.parametrize(
    ("code", "how", "words"),
    [(0, "stopped", "is stopped"), (137, "killed", "did not end within 5 s, and was killed")],
)
def test_it_says_whether_the_program_ended_by_itself(engine, capsys, code, how, words):
    engine.runs("redis")
    engine.then[STOP] = lambda: engine.ended("redis", code)
    assert run(["stop", "redis", "--grace", "5"]) == 0
    assert capsys.readouterr() == (f"redis {words}\n", "")
    (asked,) = [request for request in engine.requests if request.method == "POST"]
    assert asked.url.params["t"] == "5"
    engine.runs("redis")
    assert run(["stop", "redis", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "stopped": {"redis": how}}


def test_what_has_ended_is_left_alone(engine, capsys):
    engine.runs("redis")
    engine.ended("redis", 0)
    assert run(["stop", "redis"]) == 0
    assert capsys.readouterr() == ("redis had ended already\n", "")
    assert STOP not in engine.asked


def test_an_unknown_name_stops_nothing(engine):
    engine.runs("redis", "nginx")
    assert run(["stop", "redis", "rediss"]) == 2
    assert STOP not in engine.asked


def test_what_is_beside_is_stopped_after_what_it_is_there_for(engine, capsys):
    engine.runs("a-store", "shop", "redis", beside={"a-store": "shop"})
    assert run(["stop", "shop"]) == 0
    assert capsys.readouterr().out == "shop is stopped\na-store is stopped\n"
    assert [path for method, path in engine.asked if method == "POST"] == [
        "/containers/shop/stop",
        "/containers/a-store/stop",
    ]


def test_what_another_wanted_beside_it_is_stopped_alone_when_it_is_named(engine, capsys):
    engine.runs("shop", "shop-mariadb", beside={"shop-mariadb": "shop"})
    assert run(["stop", "shop-mariadb", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stopped"] == {"shop-mariadb": "stopped"}
