"""`caisson up`, from the moment that its services run and its image is built."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from caisson import catalog
from caisson.cli import bring_up
from caisson.cli import up as up_module
from caisson.cli.app import run
from caisson.cli.home import Home
from caisson.enclave.layout import GRAMINE
from caisson.errors import PolicyRejected, Unavailable
from caisson.oci import ImageConfig
from tests.cli.docker.conftest import MR_ENCLAVE

RUNNING = {"Status": "running", "Pid": 7, "ExitCode": 0}
ENDED = {"Status": "exited", "Pid": 0, "ExitCode": 88}
PORTS = {"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "40000"}]}
CREATE = ("POST", "/containers/create")


def inspected(state, *, image="sha256:" + "ab" * 32, labels=("org.caisson.workload",), ports=PORTS):
    return {
        "Id": "c0",
        "Image": image,
        "Config": {"Labels": dict.fromkeys(labels, "redis")},
        "State": state,
        "NetworkSettings": {"Ports": ports},
    }


@pytest.fixture(autouse=True)
def surroundings(engine, monkeypatch, tmp_path):
    """Services that run, an image that is built, and a program that proves what it is."""
    engine.holds("caisson/redis:latest")
    engine.says("GET", "/containers/json", json=[])
    engine.says("GET", "/networks/bridge", json={"IPAM": {"Config": [{"Subnet": "172.17.0.1/16"}]}})
    engine.says("GET", "/containers/redis/json", json=inspected(RUNNING))
    engine.says("DELETE", "/containers/redis", 204)
    home = tmp_path / "home"
    local = SimpleNamespace(
        home=Home(home),
        fresh=True,
        key_server="https://172.17.0.1:8443",
        pcs="http://127.0.0.1:8081/",
        pin="pin",
        client=contextlib.nullcontext,
    )
    image = SimpleNamespace(digest="sha256:d", config=ImageConfig())
    built = SimpleNamespace(image=image, mr_enclave=MR_ENCLAVE, mr_signer="s")
    local.provisioned = []

    def start(_home, *, address, tcp):
        local.address = address
        local.platform = (address, 9000) if tcp else None
        return local

    monkeypatch.setattr(up_module.Local, "start", start)
    monkeypatch.setattr(bring_up, "_build", lambda *_: built)
    monkeypatch.setattr(bring_up, "exact_policy", lambda *_: SimpleNamespace(encode=lambda: "policy"))
    monkeypatch.setattr(bring_up, "provision", lambda recipe, *_: local.provisioned.append(recipe.name))
    monkeypatch.setattr(bring_up, "peer_certificate", lambda *_: "certificate")
    monkeypatch.setattr(bring_up, "fetch_collateral", lambda *_: "collateral")
    monkeypatch.setattr(bring_up, "verify_certificate", lambda *_, at: at)
    monkeypatch.setattr(bring_up, "_STEP", 0)
    return local


def absent_until_created(engine, then):
    """Let there be no container until one is made; `then` is what the engine says of that one."""
    del engine.answers["GET", "/containers/redis/json"]
    engine.ends_with(0)
    engine.then[CREATE] = lambda: engine.says("GET", "/containers/redis/json", json=then)


def created(engine):
    """Give the request that made the container."""
    (request,) = (each for each in engine.requests if (each.method, each.url.path) == CREATE)
    return json.loads(request.content)


def error(capsys):
    return next(line for line in capsys.readouterr().err.splitlines() if line.startswith("error: "))


def test_a_container_that_runs_this_image_already_is_left_alone(engine, capsys):
    for _ in range(2):
        assert run(["up", "redis", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["address"] == "127.0.0.1:40000"
    assert CREATE not in engine.asked
    assert {method for method, _ in engine.asked} == {"GET"}


def test_what_is_wanted_beside_comes_up_first_on_a_network_of_both(engine, capsys, tmp_path):
    for file in catalog.load("redis").files():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    recipe = tmp_path / "caisson.toml"
    text = recipe.read_text().replace('name = "redis"', 'name = "shop"', 1)
    recipe.write_text(f'{text}\n[[beside]]\nentry = "redis"\n')
    for name in ("mine", "mine-redis"):
        engine.holds(f"caisson/{name}:latest")
    engine.says("POST", "/networks/create", 201, json={})
    engine.says("POST", "/containers/c1/start", 204)
    engine.says("POST", "/containers/create", 201, json={"Id": "c1"})

    def created():
        name = engine.requests[-1].url.params["name"]
        engine.says("GET", f"/containers/{name}/json", json=inspected(RUNNING))

    engine.then[CREATE] = created
    assert run(["up", "mine", "--recipe", str(recipe), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [(one["container"], one["workload"]) for one in (*said["beside"], said)] == [
        ("mine-redis", "shop-redis"),
        ("mine", "shop"),
    ]
    network, first, second = (json.loads(one.content) for one in engine.requests if one.url.path.endswith("/create"))
    assert network["Name"] == "caisson-mine"
    assert [one["HostConfig"]["NetworkMode"] for one in (first, second)] == ["caisson-mine"] * 2
    assert first["NetworkingConfig"]["EndpointsConfig"]["caisson-mine"]["Aliases"] == ["shop-redis"]
    assert first["Labels"]["org.caisson.beside"] == "mine"
    assert first["HostConfig"]["PortBindings"]["6379/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "0"}]
    assert "org.caisson.beside" not in second["Labels"]


def test_who_answers_is_called_by_the_containers_name_and_the_workloads_if_that_is_another(engine, capsys, tmp_path):
    assert run(["up", "redis"]) == 0
    assert capsys.readouterr().out.startswith("redis answers at 127.0.0.1:40000, ")
    for file in catalog.load("redis").files():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    engine.holds("caisson/mine:latest")
    engine.says("GET", "/containers/mine/json", json=inspected(RUNNING))
    assert run(["up", "mine", "--recipe", str(tmp_path / "caisson.toml")]) == 0
    assert capsys.readouterr().out.startswith("mine, of workload redis, answers at 127.0.0.1:40000, ")


def test_the_key_server_listens_where_containers_reach_it(surroundings):
    assert run(["up", "redis"]) == 0
    assert surroundings.address == "172.17.0.1"


def test_one_that_runs_an_older_image_is_neither_taken_for_it_nor_stopped_nor_locked_out(engine, capsys, surroundings):
    engine.says("GET", "/containers/redis/json", json=inspected(RUNNING, image="sha256:old"))
    assert run(["up", "redis"]) == 2
    assert capsys.readouterr().err.endswith(
        "error: the container `redis` runs another image than the one that was just built\n"
        "hint: stop it with `caisson down redis`, then say `caisson up` again; its volumes stay\n"
    )
    assert {method for method, _ in engine.asked} == {"GET"}
    assert surroundings.provisioned == [], "its policy would not accept it when it starts again"


ITS_SERVER = "CAISSON_KEY_SERVER=https://172.17.0.1:8443"


def test_another_build_of_the_workload_that_runs_is_not_locked_out(engine, archive, capsys, surroundings):
    engine.runs("other", env=("CAISSON_WORKLOAD=redis", ITS_SERVER))
    engine.says("GET", "/containers/other/archive", content=archive.replace(bytes(MR_ENCLAVE), bytes(32)))
    for _ in ("a SIGSTRUCT that does not hold", "none"):
        assert run(["up", "redis"]) == 2
        assert capsys.readouterr().err.endswith(
            "error: the container `other` runs another build of workload `redis`, whose policy would accept only the"
            " one that was just built\n"
            "hint: give this recipe a `name` of its own, or stop the other one with `caisson down other`\n"
        )
        engine.answers.pop(("GET", "/containers/other/archive"), None)
    assert surroundings.provisioned == []
    assert {method for method, _ in engine.asked} == {"GET"}


@pytest.mark.parametrize(
    ("env", "state"),
    [
        (("CAISSON_WORKLOAD=redis", ITS_SERVER), {}),
        (("CAISSON_WORKLOAD=other", ITS_SERVER), {}),
        (("CAISSON_WORKLOAD=redis", "CAISSON_KEY_SERVER=https://elsewhere:1"), {}),
        (("CAISSON_WORKLOAD=redis", ITS_SERVER), {"Status": "exited"}),
    ],
    ids=["the same build", "another workload", "another key server", "it has ended"],
)
def test_one_that_loses_nothing_is_in_nobodys_way(engine, archive, surroundings, env, state):
    engine.runs("other", env=env, **state)
    if env == ("CAISSON_WORKLOAD=redis", ITS_SERVER) and not state:
        engine.says("GET", "/containers/other/archive", content=archive)
    assert run(["up", "redis"]) == 0
    assert surroundings.provisioned == ["redis"]


def test_somebody_elses_container_is_not_touched(engine, capsys):
    for state in (RUNNING, ENDED):
        engine.says("GET", "/containers/redis/json", json=inspected(state, labels=()))
        assert run(["up", "redis"]) == 2
        assert error(capsys) == "error: a container named `redis` exists, and it is not ours"
    assert {method for method, _ in engine.asked} == {"GET"}


def test_one_that_is_missing_is_started(engine):
    absent_until_created(engine, inspected(RUNNING))
    assert run(["up", "redis"]) == 0
    assert CREATE in engine.asked


def test_one_that_has_ended_is_replaced(engine):
    absent_until_created(engine, inspected(RUNNING))
    engine.says("GET", "/containers/redis/json", json=inspected(ENDED, image="sha256:old", ports={}))
    assert run(["up", "redis"]) == 0
    assert engine.asked.index(("DELETE", "/containers/redis")) < engine.asked.index(CREATE)


def test_one_that_ends_right_after_its_start_says_why_and_is_removed(engine, capsys):
    absent_until_created(engine, inspected(ENDED, ports={}))
    said = b"caisson premain: activation: error: the key server says no\n"
    frame = b"\x02\0\0\0" + len(said).to_bytes(4, "big") + said
    engine.says("GET", "/containers/redis/logs", content=frame)
    assert run(["up", "redis"]) == 1
    assert error(capsys) == "error: activation ended with status 88: activation: error: the key server says no"
    assert engine.asked[-1] == ("DELETE", "/containers/redis")


def test_one_that_ends_at_once_with_success_has_proved_nothing(engine, capsys):
    absent_until_created(engine, inspected(ENDED | {"ExitCode": 0}, ports={}))
    engine.says("GET", "/containers/redis/logs", content=b"")
    assert run(["up", "redis"]) == 3
    assert error(capsys) == "error: the container `redis` ended at once"


def test_one_that_offers_no_port_cannot_be_attested(engine, capsys):
    engine.says("GET", "/containers/redis/json", json=inspected(RUNNING, ports={"6379/tcp": None}))
    assert run(["up", "redis"]) == 2
    assert error(capsys) == "error: the container `redis` does not offer port 6379"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("0.0.0.0", "127.0.0.1:1"), ("::", "[::1]:1"), ("::1", "[::1]:1"), ("10.0.0.5", "10.0.0.5:1")],
)
def test_it_is_attested_where_it_is_offered(engine, capsys, host, expected):
    ports = {"6379/tcp": [{"HostIp": host, "HostPort": "1"}]}
    engine.says("GET", "/containers/redis/json", json=inspected(RUNNING, ports=ports))
    assert run(["up", "redis", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["address"] == expected


def test_one_that_is_not_what_it_should_be_is_a_no(monkeypatch):
    def refuse(*_, at):
        raise PolicyRejected((f"mrenclave is another at {at}",))

    monkeypatch.setattr(bring_up, "verify_certificate", refuse)
    assert run(["up", "redis"]) == 1


def test_one_that_never_answers_is_no_verdict(monkeypatch):
    def refuse(host, port, starttls):
        raise Unavailable(f"nobody at {host}:{port} ({starttls})")

    monkeypatch.setattr(bring_up, "peer_certificate", refuse)
    monkeypatch.setattr(bring_up, "_PATIENCE", 0.05)
    assert run(["up", "redis"]) == 3


def test_who_fails_is_told_of_the_services_that_stay_and_how_to_end_them(surroundings, monkeypatch, capsys, tmp_path):
    def fail(*_):
        raise Unavailable("the registry does not answer")

    monkeypatch.setattr(bring_up, "_build", fail)
    note = (
        "note: the key server and the software platform go on running, for the next `caisson up`; `caisson down redis"
    )
    assert run(["up", "redis"]) == 3
    assert capsys.readouterr().err.splitlines()[-2:] == [
        f"{note} --all` ends them, and the container if it runs",
        "error: the registry does not answer",
    ]
    surroundings.home = Home(tmp_path / "of another name")
    assert run(["up", "redis"]) == 3
    assert f"{note} --all --home '{tmp_path / 'of another name'}'` ends them" in capsys.readouterr().err
    surroundings.fresh = False
    assert run(["up", "redis"]) == 3
    assert "note:" not in capsys.readouterr().err, "they ran before, and who started them knows"


def test_a_port_that_the_recipe_does_not_name_is_offered_and_pointed_at(engine, capsys):
    engine.holds("caisson/redis:latest", ExposedPorts={"6379/tcp": {}})
    absent_until_created(engine, inspected(RUNNING))
    assert run(["up", "redis", "--publish", "6379", "--publish", "9"]) == 0
    assert "warning: the image does not declare port 9, so " in capsys.readouterr().err


def test_data_of_an_earlier_version_is_not_passed_over(engine, capsys):
    engine.holds("caisson/redis:latest", Volumes={"/a-b": {}})
    engine.says("GET", "/volumes/caisson-redis-a-b", json={})
    absent_until_created(engine, inspected(RUNNING))
    assert run(["up", "redis"]) == 2
    assert CREATE not in engine.asked
    assert error(capsys) == (
        "error: `/a-b` is now kept in the volume `caisson_redis_a-b`, and there is one with the name that earlier"
        " versions gave it: `caisson-redis-a-b`, which may be another container's, too"
    )
    engine.says("GET", "/volumes/caisson_redis_a-b", json={})
    assert run(["up", "redis"]) == 0
    assert [mount["Source"] for mount in created(engine)["HostConfig"]["Mounts"]][1:] == ["caisson_redis_a-b"]


def test_the_attested_port_must_be_among_those_offered(engine, capsys):
    assert run(["up", "redis", "--publish", "1:2"]) == 2
    assert "hint: add `--publish 6379`" in capsys.readouterr().err
    assert engine.asked == []


@pytest.mark.parametrize("name", ["a/b", "../redis", "Redis", "a:b", "redis-", "a b", ""])
def test_a_name_that_is_none_starts_nothing(engine, capsys, name):
    recipe = Path(catalog.__file__).parent / "redis" / "caisson.toml"
    assert run(["up", name, "--recipe", str(recipe)]) == 2
    assert error(capsys) == f"error: `{name}` is no name for a container"
    assert engine.asked == []


def test_what_is_not_in_the_catalog_is_a_mistake(engine, capsys):
    assert run(["up", "nothing"]) == 2
    assert error(capsys) == "error: the catalog has no `nothing`"
    assert engine.asked == []


def release(layout=GRAMINE):
    return SimpleNamespace(bundle=SimpleNamespace(layout=layout))


def test_a_bundle_that_the_platform_cannot_launch_is_refused_before_anything_is_built(engine, capsys, monkeypatch):
    other = release(replace(GRAMINE, heap_min=GRAMINE.heap_min * 2))
    monkeypatch.setattr(up_module, "chosen_release", lambda *_: other)
    assert run(["up", "redis", "--runtime", "gramine"]) == 2
    assert error(capsys).startswith("error: the software platform cannot launch this bundle")
    assert engine.asked == []


def test_with_gramine_it_starts_under_gramine_direct_and_says_that_nothing_is_protected(engine, capsys, monkeypatch):
    monkeypatch.setattr(up_module, "chosen_release", lambda *_: release())
    loader = ["/.caisson/runtime/sgx/loader", "/.caisson/runtime/sgx/libpal.so", "init", "/.caisson/app"]
    engine.holds("caisson/redis:latest", Entrypoint=loader)
    absent_until_created(engine, inspected(RUNNING))
    assert run(["up", "redis", "--runtime", "gramine", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["runtime"] == "gramine"
    assert "warning: this is gramine-direct: there is no enclave" in err
    assert "seccomp=unconfined" in err
    body = created(engine)
    assert body["Entrypoint"][-1] == "/.caisson/app.direct"
    assert body["HostConfig"]["SecurityOpt"] == ["no-new-privileges", "seccomp=unconfined"]
    assert "CAISSON_PLATFORM=tcp:172.17.0.1:9000" in body["Env"]
    assert [mount["Source"] for mount in body["HostConfig"]["Mounts"]] == ["caisson-redis-gramine-data"]
    assert body["HostConfig"]["Tmpfs"] == {}, "memory of the library OS"


def test_without_it_the_engines_filter_stays(engine):
    absent_until_created(engine, inspected(RUNNING))
    assert run(["up", "redis"]) == 0
    assert "Entrypoint" not in created(engine)
    assert created(engine)["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
