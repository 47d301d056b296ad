"""`caisson run`, with an engine that answers as Docker does."""

import json

import pytest

from caisson.cli.app import run

ARGUMENTS = ("run", "caisson/redis", "--name", "redis", "--key-server", "https://172.17.0.1:8443")


@pytest.fixture(autouse=True)
def image(engine):
    engine.holds("caisson/redis")


def test_a_program_that_succeeds_ends_the_command(engine, capsys):
    engine.ends_with(0, b"hello\n")
    assert run(ARGUMENTS) == 0
    assert capsys.readouterr() == ("", "hello\n")
    assert engine.asked[-1] == ("DELETE", "/containers/c1")


def test_detached_it_prints_the_name_and_leaves_the_container(engine, capsys):
    engine.ends_with(0)
    assert run([*ARGUMENTS, "--detach"]) == 0
    assert capsys.readouterr() == ("redis\n", "")
    assert engine.asked[-1] == ("POST", "/containers/c1/start")
    assert run([*ARGUMENTS, "--detach", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "container": "c1", "name": "redis"}


def test_a_refused_activation_is_a_no(engine, capsys):
    engine.ends_with(88, b"caisson premain: activation: error: the key server says no\n")
    assert run(ARGUMENTS) == 1
    assert capsys.readouterr().err.endswith(
        "error: activation ended with status 88: activation: error: the key server says no\n"
    )
    assert engine.asked[-1] == ("DELETE", "/containers/c1")


def test_nobody_to_decide_is_no_verdict(engine):
    engine.ends_with(93, b"caisson premain: challenge: error: nobody answers\n")
    assert run(ARGUMENTS) == 3


def test_a_program_that_fails_is_a_no(engine, capsys):
    engine.ends_with(5, b"oh\n")
    assert run(ARGUMENTS) == 1
    assert capsys.readouterr() == ("", "oh\nerror: the program ended with status 5\nhint: its last words: oh\n")


def test_a_container_that_somebody_removed_meanwhile_is_a_mistake_and_no_bug(engine, capsys):
    engine.ends_with(0)
    del engine.answers["DELETE", "/containers/c1"], engine.answers["POST", "/containers/c1/wait"]
    assert run(ARGUMENTS) == 2
    assert capsys.readouterr().err == "error: the Docker engine refuses: no such thing\n"


@pytest.mark.parametrize(
    "words", ["Bind for 127.0.0.1:6379 failed: port is already allocated", "address already in use"]
)
def test_a_port_that_somebody_has_is_not_the_end(engine, capsys, words):
    engine.ends_with(0)
    engine.says("POST", "/containers/c1/start", 500, json={"message": words})
    assert run([*ARGUMENTS, "--publish", "6379:6379"]) == 2
    assert capsys.readouterr().err.endswith(
        "hint: choose another port of this machine with `--publish PORT:PORT`, or stop what has this one\n"
    )


def test_an_image_that_is_not_there(capsys):
    assert run([ARGUMENTS[0], "nothing", *ARGUMENTS[2:]]) == 2
    assert capsys.readouterr() == (
        "",
        "error: the engine has no image `nothing`\nhint: build it with `caisson build`\n",
    )


def test_a_plain_image_is_not_run(engine, capsys):
    engine.holds("caisson/redis", Labels=None)
    assert run(ARGUMENTS) == 2
    assert capsys.readouterr().err == (
        "error: `caisson/redis`: it is not a confidential image\n"
        "hint: make one of it with `caisson build`, and run that\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6379", ("127.0.0.1", "0", "6379/tcp")),
        ("1:2", ("127.0.0.1", "1", "2/tcp")),
        ("0.0.0.0:1:2", ("0.0.0.0", "1", "2/tcp")),
        ("[::1]:1:2", ("::1", "1", "2/tcp")),
    ],
)
def test_ports_are_published_as_they_are_written(engine, text, expected):
    engine.ends_with(0)
    assert run([*ARGUMENTS, "--publish", text]) == 0
    request = next(request for request in engine.requests if request.url.path == "/containers/create")
    ((name, (binding,)),) = json.loads(request.content)["HostConfig"]["PortBindings"].items()
    assert (binding["HostIp"], binding["HostPort"], name) == expected


@pytest.mark.parametrize(
    "text",
    ["", "x", ":1", "1:", "0", "65536", "65536:1", "1:2:3", "::1:1:2", "[127:1:2", "a:1:2", "\uff19", "9" * 5000],
)
def test_what_is_no_port_is_not_published(engine, capsys, text):
    assert run([*ARGUMENTS, "--publish", text]) == 2
    assert "invalid value for `--publish`" in capsys.readouterr().err
    assert engine.asked == []


@pytest.mark.parametrize("text", ["", "data", "data:", "data:relative", ":/data", "/host/path:/data", "a:/data:ro"])
def test_what_is_no_volume_is_not_mounted(engine, capsys, text):
    assert run([*ARGUMENTS, "--volume", text]) == 2
    assert f"`{text}` is not NAME:PATH" in capsys.readouterr().err
    assert engine.asked == []


def test_a_volume_that_the_image_does_not_have_would_keep_nothing(capsys):
    assert run([*ARGUMENTS, "--volume", "mine:/elsewhere"]) == 2
    assert capsys.readouterr().err == "error: the image has no volume `/elsewhere`\nhint: it has: `/data`\n"


def test_one_path_has_one_volume(engine, capsys):
    assert run([*ARGUMENTS, "-v", "one:/data", "-v", "two:/data"]) == 2
    assert "two volumes are for the same path" in capsys.readouterr().err
    assert {method for method, _ in engine.asked} == {"GET"}


def test_a_home_that_cannot_be_made_is_a_mistake_of_the_caller(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert run([*ARGUMENTS, "--home", str(tmp_path / "file" / "home")]) == 2
    assert capsys.readouterr().err == (
        f"error: cannot make the directory `{tmp_path}/file/home`: Not a directory\nhint: name another with `--home`\n"
    )
