"""`caisson node`, on a configuration of its own."""

import json
import shutil

import pytest

from caisson.cli.app import run


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Options that name files of the test, on a machine that has runc."""
    monkeypatch.setattr(shutil, "which", lambda _name, path: f"{path.partition(':')[0]}/runc")
    return tmp_path, ("--config", str(tmp_path / "daemon.json"), "--directory", str(tmp_path / "lib"))


def setup(options, *more):
    return run(["node", "setup", "swarm", *options, "--epc", "64M", *more])


def test_setting_up_and_resetting_leaves_no_trace(node, capsys):
    directory, options = node
    assert setup(options) == 0
    assert capsys.readouterr().out == f"{directory}/daemon.json is written: restart Docker\n"
    assert json.loads((directory / "daemon.json").read_text())["node-generic-resources"] == ["SGX_EPC=65"]
    assert (directory / "lib" / "caisson-sgx-runc").stat().st_mode & 0o777 == 0o755
    assert setup(options) == 0
    assert "is as it should be" in capsys.readouterr().out
    assert run(["node", "reset", *options]) == 0
    assert capsys.readouterr().out == "undone: restart Docker\n"
    assert [path.name for path in directory.rglob("*")] == ["lib"]
    assert run(["node", "reset", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False


def test_what_was_there_is_there_again_to_the_byte(node):
    directory, options = node
    before = '{ "default-runtime": "runc",\n\n "debug":true }'
    (directory / "daemon.json").write_text(before)
    assert setup(options) == 0
    assert (directory / "daemon.json.before-caisson").read_text() == before
    assert run(["node", "reset", *options]) == 0
    assert (directory / "daemon.json").read_text() == before
    assert not (directory / "daemon.json.before-caisson").exists()


def test_what_others_changed_since_stays(node):
    directory, options = node
    config = directory / "daemon.json"
    config.write_text('{"debug": true}')
    assert setup(options) == 0
    config.write_text(json.dumps(json.loads(config.read_text()) | {"debug": False}))
    assert run(["node", "reset", *options]) == 0
    assert json.loads(config.read_text()) == {"debug": False}


def test_a_dry_run_writes_nothing(node, capsys):
    directory, options = node
    assert setup(options, "--dry-run") == 0
    assert json.loads(capsys.readouterr().out)["default-runtime"] == "caisson-sgx"
    assert list(directory.iterdir()) == []


def test_a_configuration_that_is_not_understood_is_not_touched(node, capsys):
    directory, options = node
    (directory / "daemon.json").write_text('{"default-runtime": "nvidia"}')
    assert setup(options) == 2
    assert capsys.readouterr().err.startswith("error: Docker's default runtime is `nvidia`")
    assert [path.name for path in directory.iterdir()] == ["daemon.json"]


def test_a_machine_without_runc_is_no_node(node, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda _name, path: path and None)
    assert setup(node[1]) == 3
    assert "no `runc`" in capsys.readouterr().err


def test_page_cache_that_nobody_knows_of_must_be_said(node, capsys, monkeypatch):
    monkeypatch.setattr("caisson.cli.node.Path.glob", lambda *_: iter(()))
    assert run(["node", "setup", "swarm", *node[1]]) == 2
    assert "say how large it is with `--epc`" in capsys.readouterr().err
