"""From the command that starts a container to its first answer: a plain image against the confidential one.

Redis, on Docker and on Podman, on the software platform. The difference of the medians, without the time that hashing
the trusted files takes, is what Caisson adds (goal: 60 ms): premain, evidence, activation and TLS.
"""

import json
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from caisson import catalog, oci
from caisson.cli.deployment import verified
from caisson.conversion import MANIFEST, DebianSource, build_rootfs
from caisson.deploy import Deployment, PlatformSocket, Publish, run_script
from caisson.enclave import Manifest
from demo import CACHE
from demo.stage import Stage
from tests.system.deploy.podman import podman

GOAL = 60.0
ROUNDS = 10
PORT = 26379
PATIENCE = 30.0
IMAGE, PLAIN = "caisson/redis:latest", "caisson/plain:latest"
WRAPPER = Path(__file__).parent.parent / "scripts" / "with-docker"
COMMAND = '["/usr/bin/redis-server", "--port", "6379", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""]'


def answered(*, tls: bool) -> bool:
    """Tell whether Redis answers a PING, with whatever words."""
    try:
        with socket.create_connection(("127.0.0.1", PORT), timeout=1) as plain:
            connection: socket.socket = plain
            if tls:
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                connection = context.wrap_socket(plain)
            connection.sendall(b"PING\r\n")
            return connection.recv(1) in (b"+", b"-")
    except OSError:
        return False


def start(script: Path, engine: str, name: str, environment: Mapping[str, str], *, tls: bool) -> float:
    """Start a container, wait for its first answer, take it away; give the milliseconds until then."""
    begin = time.perf_counter()
    run(environment, "sh", str(script))
    while not answered(tls=tls):
        if time.perf_counter() - begin > PATIENCE:
            raise SystemExit(f"error: {name} does not answer")
        time.sleep(0.001)
    taken = (time.perf_counter() - begin) * 1e3
    run(environment, engine, "rm", "--force", "--volumes", name)
    return taken


def hashing(image: str) -> float:
    """Give the milliseconds that hashing the image's trusted files takes."""
    with tempfile.TemporaryDirectory() as directory:
        files = oci.FileSystem.of(oci.source(oci.Reference.parse(image)).read(scratch=Path(directory)))
        contents = [content(files, path) for path in trusted(files)]
    begin = time.perf_counter()
    for each in contents:
        sha256(each).digest()
    return (time.perf_counter() - begin) * 1e3


def trusted(files: oci.FileSystem) -> list[str]:
    """Give the paths of the trusted files."""
    manifest = Manifest.parse(content(files, MANIFEST))
    return [file.uri.removeprefix("file:") for file in manifest.sgx.trusted_files]


def content(files: oci.FileSystem, path: str) -> bytes:
    """Read a file of an image."""
    found = files.find(path)
    if found is None or found.content is None:
        raise SystemExit(f"error: the image has no `{path}`")
    return found.content.read()


def compare(stage: Stage, up: Mapping[str, str], engine: str, environment: Mapping[str, str]) -> str:
    """Measure both in turns, so that a busy machine is busy for both."""
    deployment = Deployment(
        image=verified(IMAGE, repository=None, access=oci.Access()),
        name="redis",
        key_server=up["key_server"],
        evidence=PlatformSocket(path=str(stage.home / "platform.sock")),
        publish=(Publish(container_port=6379, host_port=PORT),),
    )
    (file,) = run_script(deployment, engine="podman" if engine == "podman" else "docker")
    confidential, plain = stage.home / "confidential.sh", stage.home / "plain.sh"
    confidential.write_text(file.text)
    plain.write_text(f"{engine} run --detach --name plain --publish 127.0.0.1:{PORT}:6379 {PLAIN}\n")
    times = [
        (
            start(confidential, engine, "redis", environment, tls=True),
            start(plain, engine, "plain", environment, tls=False),
        )
        for _ in range(ROUNDS)
    ]
    ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    hashed = hashing(IMAGE)
    return (
        f"{engine}: confidential {ours:.0f} ms, plain {theirs:.0f} ms, hashing {hashed:.0f} ms; "
        f"added besides hashing {ours - theirs - hashed:.0f} ms (goal {GOAL:.0f} ms)"
    )


def main() -> None:
    """Print one line for each engine. It runs inside `scripts/with-docker`."""
    with tempfile.TemporaryDirectory(prefix="caisson-start-") as directory, ExitStack() as stack:
        stage = Stage(Path(directory))
        (stage.home / "cache").symlink_to(CACHE)
        try:
            up = json.loads(stage.succeed("up", "redis", "--publish", "6379", "--json").stdout)
            stage.succeed("down", "redis", "--volumes")
            root = build_rootfs(redis_packages(), CACHE)
            run(os.environ, "docker", "import", "--change", f"ENTRYPOINT {COMMAND}", str(root), PLAIN)
            print(compare(stage, up, "docker", os.environ), flush=True)
            if shutil.which("podman"):
                environment = stack.enter_context(podman(stage.home))
                for image in (IMAGE, PLAIN):
                    run(os.environ, "docker", "save", "--output", str(stage.home / "image.tar"), image)
                    run(environment, "podman", "load", "--input", str(stage.home / "image.tar"))
                print(compare(stage, up, "podman", environment), flush=True)
        finally:
            stage.caisson("down", "--all")


def redis_packages() -> DebianSource:
    """Give what the catalog's Redis is made of."""
    source = catalog.load("redis").recipe.source.debian
    if source is None:
        raise SystemExit("error: the catalog's Redis is made of no packages")
    return source


def run(environment: Mapping[str, str], *words: str) -> None:
    """Run a program that must succeed."""
    done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: `{' '.join(words)}`: {done.stderr}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--inside"]:
        main()
    else:
        subprocess.run([sys.executable, "-m", "demo.fetch"], check=True)
        os.execv(WRAPPER, [str(WRAPPER), sys.executable, "-m", "benchmarks.start", "--inside"])
