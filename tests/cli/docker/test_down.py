"""`caisson down`, with an engine that answers as Docker does."""

import json

import pytest

from caisson.cli.app import run

STOP = ("POST", "/containers/redis/stop")
REMOVE = ("DELETE", "/containers/redis")


def test_a_container_is_stopped_and_removed(engine, capsys):
    engine.runs("redis")
    assert run(["down", "redis"]) == 0
    assert capsys.readouterr() == ("stopped redis\n", "")
    assert engine.asked[1:] == [STOP, REMOVE]


def test_its_data_stays_unless_asked_otherwise(engine):
    engine.runs("redis")
    assert run(["down", "redis", "--volumes"]) == 0
    assert engine.asked[1:] == [STOP, REMOVE, ("DELETE", "/volumes/its-data")]


def test_a_name_that_is_said_twice_is_one(engine, capsys):
    engine.runs("redis")
    assert run(["down", "redis", "redis", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "stopped": ["redis"]}


def test_an_unknown_name_stops_nothing(engine, capsys):
    engine.runs("redis", "nginx")
    assert run(["down", "redis", "rediss"]) == 2
    assert capsys.readouterr() == (
        "",
        "error: no confidential container is named `rediss`\nhint: there are: `nginx`, `redis`\n",
    )
    assert STOP not in engine.asked


@pytest.mark.parametrize("names", [("shop", "shop-mariadb", "redis"), ("shop-mariadb", "redis")])
def test_what_is_beside_goes_too_even_alone_and_the_network_last(engine, capsys, names):
    engine.runs(*names, beside={"shop-mariadb": "shop"})
    assert run(["down", "shop"]) == 0
    assert capsys.readouterr().out.split() == [word for name in names[:-1] for word in ("stopped", name)]
    assert engine.asked[-1] == ("DELETE", "/networks/caisson-shop")


def test_what_another_wanted_beside_it_can_go_alone(engine, capsys):
    engine.runs("shop", "shop-mariadb", beside={"shop-mariadb": "shop"})
    assert run(["down", "shop-mariadb"]) == 0
    assert capsys.readouterr().out == "stopped shop-mariadb\n"


def test_everything_includes_what_is_not_there(engine, capsys):
    engine.runs()
    assert run(["down", "redis", "--all"]) == 0
    assert capsys.readouterr() == ("nothing ran\n", "")


def test_nothing_named_is_a_mistake(engine, capsys):
    assert run(["down"]) == 2
    assert capsys.readouterr() == ("", "error: nothing is named to be stopped\nhint: give a name, or `--all`\n")
    assert engine.asked == []


def test_an_engine_that_is_none_is_no_verdict(engine, capsys):
    engine.says("GET", "/containers/json", text="<html>")
    assert run(["down", "redis"]) == 3
    assert capsys.readouterr().err == (
        "error: the Docker engine's answer is not what its API promises\nhint: is DOCKER_HOST a Docker engine?\n"
    )


def test_the_services_stop_even_if_the_engine_is_gone(engine, monkeypatch):
    engine.says("GET", "/containers/json", 500, text="")
    stopped = []
    monkeypatch.setattr("caisson.cli.down.Local.stop", lambda home: stopped.append(home.path.name) or ())
    assert run(["down", "redis", "--all"]) == 2
    assert stopped == ["home"]
