"""The provisioned password is looked for everywhere a hostile operator could look."""

import contextlib
import json
from pathlib import Path

from caisson.engine import Docker
from tests.canary import image_contents


def raw(deployment, *command):
    done = deployment.stage.run(*command)
    assert done.status == 0, done.stderr
    return done.stdout


def test_redis_asks_for_the_password_and_takes_it(deployment):
    port = deployment.up["address"].rpartition(":")[2]
    client = ("redis-cli", "--tls", "--cacert", deployment.up["ca"], "-p", port)
    assert "NOAUTH" in deployment.stage.run(*client, "PING").stdout
    assert deployment.stage.run(*client, "PING", REDISCLI_AUTH=deployment.password).stdout == "PONG\n"


def test_no_plain_text_is_answered(deployment):
    port = deployment.up["address"].rpartition(":")[2]
    assert "PONG" not in deployment.stage.run("timeout", "3", "redis-cli", "-p", port, "PING").stdout


def test_the_image_and_its_history_hold_no_secret(deployment, tmp_path):
    searched = set()
    for name, content in image_contents(deployment.stage, deployment.up["image"], tmp_path):
        assert deployment.password.encode() not in content, name
        searched.add(name)
    assert any(name.endswith("redis-check-rdb") for name in searched)


def test_the_container_holds_no_secret_that_its_host_was_told(deployment):
    with Docker() as docker:
        pid = docker.state(deployment.up["container"]).pid
        logs = docker.logs(deployment.up["container"])
    assert deployment.password not in raw(deployment, "docker", "inspect", deployment.up["container"])
    assert deployment.password.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    assert deployment.password not in logs


def test_no_process_was_given_the_secret_as_an_argument(deployment):
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            lines.append(path.read_bytes())
    assert any(b"redis" in line for line in lines)
    assert all(deployment.password.encode() not in line for line in lines)


def test_neither_the_key_servers_files_nor_any_log_hold_the_secret(deployment):
    home = deployment.stage.home
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_relative_to(home / "cache")]
    assert any(path.suffix in (".db", ".sqlite", ".sqlite3") for path in files)
    assert any(path.suffix == ".log" for path in files)
    for path in files:
        assert deployment.password.encode() not in path.read_bytes(), path


def test_the_audit_log_names_the_secret_and_does_not_hold_it(deployment):
    records = deployment.stage.succeed("audit", "list", "--json").stdout
    assert deployment.password not in records
    assert "redis-password" in records
    assert json.loads(records)
