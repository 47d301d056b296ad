"""What an attacker needs besides a container: services of their own, and a guest that repeats itself."""

import json
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from caisson.cli.service import Service
from demo.guest import prove
from demo.stage import Done, Stage

OTHER = "other"
OK = 200


@contextmanager
def other_key_server(stage: Stage, up: dict[str, str]) -> Iterator[str]:
    """Run a key server with an identity of its own where guests can reach it; give its address."""
    host = httpx2.URL(up["key_server"]).host
    service = Service(name="mallory", directory=stage.home)
    try:
        yield service.start(["keyserver", "dev", "--listen", f"{host}:0", "--pcs", up["pcs"]], addresses=1)[0]
    finally:
        service.stop()


@contextmanager
def other_platform() -> Iterator[Path]:
    """Run a software platform with a root of its own; give its socket."""
    with tempfile.TemporaryDirectory(prefix="mallory-") as directory:
        socket = Path(directory) / "platform.sock"
        service = Service(name="platform", directory=Path(directory))
        state = Path(directory) / "state"
        arguments = ["platform", "serve", "--state", str(state), "--socket", str(socket), "--socket-mode", "666"]
        try:
            service.start(arguments, addresses=1)
            yield socket
        finally:
            service.stop()


def activate_twice(stage: Stage, up: dict[str, str]) -> Done:
    """Send one activation two times: the first is honest and succeeds, the second must not."""
    start = time.monotonic()
    with httpx2.Client(base_url=up["key_server"], verify=ssl.create_default_context(cafile=up["ca"])) as server:
        body = prove(up["image"], platform=stage.home / "platform.sock", server=server, workload=up["workload"])
        first, second = (server.post("/v1/activations", content=body) for _ in range(2))
    if first.status_code != OK:
        raise SystemExit(f"error: the honest activation was refused: {first.text}")
    return Done(int(second.status_code != OK), "", second.text, time.monotonic() - start)


def other_workload(stage: Stage, up: dict[str, str]) -> str:
    """Set up a workload that is meant for another enclave; give its name."""
    policy = Path(up["policy"]).read_text().replace(up["mrenclave"], "00" * 32).replace(up["mrsigner"], "00" * 32)
    document = stage.home / "other.toml"
    document.write_text(f"name = {json.dumps(OTHER)}\npolicy = {json.dumps(policy)}\n")
    stage.succeed("workload", "set", document)
    return OTHER
