"""`caisson rm`, with an engine that answers as Docker does."""

import json

import pytest

from caisson.cli.app import run

REMOVE = ("DELETE", "/containers/redis")
VOLUME = ("DELETE", "/volumes/its-data")


@pytest.fixture(autouse=True)
def ended(engine):
    engine.runs("redis")
    engine.ended("redis", 0)


def parameters(engine):
    (request,) = [one for one in engine.requests if one.method == "DELETE" and one.url.path == REMOVE[1]]
    return dict(request.url.params)


def test_a_container_is_removed_and_its_data_stays(engine, capsys):
    assert run(["rm", "redis"]) == 0
    assert capsys.readouterr() == ("removed redis\n", "")
    assert parameters(engine) == {"force": "false", "v": "false"}
    assert VOLUME not in engine.asked


def test_its_data_goes_when_asked(engine, capsys):
    assert run(["rm", "redis", "--volumes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "removed": ["redis"]}
    assert engine.asked[-2:] == [REMOVE, VOLUME]


def test_what_runs_is_not_removed_and_nothing_else_either(engine, capsys):
    engine.runs("redis", "nginx")
    engine.ended("nginx", 0)
    assert run(["rm", "nginx", "redis"]) == 2
    assert capsys.readouterr() == (
        "",
        "error: `redis` is not ended\nhint: stop it with `caisson stop redis`, or add `--force`\n",
    )
    assert not [method for method, _ in engine.asked if method == "DELETE"]


def test_what_runs_is_removed_by_force(engine):
    engine.runs("redis")
    assert run(["rm", "redis", "--force"]) == 0
    assert parameters(engine) == {"force": "true", "v": "false"}


def test_what_starts_again_at_the_last_moment_is_not_removed(engine, capsys):
    engine.says("DELETE", REMOVE[1], 409, json={"message": "it is running"})
    engine.then[REMOVE] = lambda: engine.state("redis", Status="running")
    assert run(["rm", "redis"]) == 2
    assert capsys.readouterr() == ("", "error: the Docker engine refuses: it is running\n")


def test_what_somebody_else_removes_is_removed(engine):
    engine.says("DELETE", REMOVE[1], 409, json={"message": "removal is in progress"})
    assert run(["rm", "redis"]) == 0


NETWORK = ("DELETE", "/networks/caisson-shop")
PAIR = ("shop", "shop-mariadb")


@pytest.fixture
def pair(engine):
    engine.runs(*PAIR, beside={"shop-mariadb": "shop"}, Status="exited", Pid=0)


@pytest.mark.usefixtures("pair")
def test_what_is_beside_is_removed_too_and_the_network_last(engine, capsys):
    assert run(["rm", "shop"]) == 0
    assert capsys.readouterr().out == "removed shop\nremoved shop-mariadb\n"
    assert engine.asked[-1] == NETWORK


@pytest.mark.usefixtures("pair")
def test_what_is_beside_and_runs_is_not_removed_and_neither_is_the_other(engine, capsys):
    engine.state("shop-mariadb")
    assert run(["rm", "shop"]) == 2
    assert "`shop-mariadb` is not ended" in capsys.readouterr().err
    assert not [method for method, _ in engine.asked if method == "DELETE"]


@pytest.mark.usefixtures("pair")
def test_one_by_one_the_last_takes_the_network(engine):
    assert run(["rm", "shop-mariadb"]) == 0
    assert NETWORK not in engine.asked
    assert run(["rm", "shop"]) == 0
    assert engine.asked[-1] == NETWORK
