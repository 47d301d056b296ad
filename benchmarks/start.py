"""From the command that starts a container to its first answer: a plain image against the confidential one.

Redis, on Docker and on Podman, on the software platform. Both answer in TLS, from the same program under the same
configuration and the same restrictions; the plain one reads certificate, key and password from files of the host.
What is added besides hashing the trusted files (goal: 60 ms) is premain, evidence, activation and their waiting.

A busy machine makes every wall time longer, so the smallest of each counts beside the median, and so does the CPU time
that a start takes in the container, in the key server and in the platform, which hardly depends on others.
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
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from caisson import catalog, oci
from caisson.cli.deployment import verified
from caisson.conversion import MANIFEST, DebianSource, build_rootfs
from caisson.deploy import Deployment, PlatformSocket, Publish, application
from caisson.deploy.container import Mount
from caisson.deploy.run_line import EngineName, run_line
from caisson.enclave import Manifest
from demo import CACHE
from demo.stage import Stage
from tests.system.deploy.podman import podman

GOAL = 60.0
ROUNDS = int(os.environ.get("ROUNDS", "15"))
PORT = 26379
PATIENCE = 30.0
IMAGE, PLAIN = "caisson/redis:latest", "caisson/plain:latest"
WRAPPER = Path(__file__).parent.parent / "scripts" / "with-docker"
FILES = "/files"
TICK = 1e3 / os.sysconf("SC_CLK_TCK")
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


@dataclass(frozen=True)
class Start:
    """One start, in milliseconds: until the first answer, and the CPU time of the container until then."""

    wall: float
    cpu: float


def answered() -> bool:
    """Tell whether Redis answers a PING in TLS, with whatever words."""
    try:
        with socket.create_connection(("127.0.0.1", PORT), timeout=1) as plain, TLS.wrap_socket(plain) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(1) in (b"+", b"-")
    except OSError:
        return False


def start(script: Path, engine: str, name: str, environment: Mapping[str, str]) -> Start:
    """Start a container, wait for its first answer, take it away."""
    begin = time.perf_counter()
    run(environment, "sh", str(script))
    while not answered():
        if time.perf_counter() - begin > PATIENCE:
            raise SystemExit(f"error: {name} does not answer")
        time.sleep(0.002)
    wall = (time.perf_counter() - begin) * 1e3
    cpu = used_by_group(int(run(environment, engine, "inspect", "--format", "{{.State.Pid}}", name)))
    run(environment, engine, "rm", "--force", "--volumes", name)
    return Start(wall, cpu)


def used_by_group(pid: int) -> float:
    """Give the CPU time that a process's control group has used, in milliseconds."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpuacct" in controllers.split(","):
            return int(Path(f"/sys/fs/cgroup/cpuacct{path}/cpuacct.usage").read_text()) / 1e6
    path = Path(f"/proc/{pid}/cgroup").read_text().splitlines()[-1].partition("::")[2]
    first = Path(f"/sys/fs/cgroup{path}/cpu.stat").read_text().splitlines()[0]
    return int(first.split()[1]) / 1e3


def used_by(pid: int) -> float:
    """Give the CPU time that a process has used, in milliseconds (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def hashing(image: str) -> tuple[float, float]:
    """Give the milliseconds that hashing the trusted files takes on all cores, as premain does it, and their MB."""
    with tempfile.TemporaryDirectory() as directory:
        files = oci.FileSystem.of(oci.source(oci.Reference.parse(image)).read(scratch=Path(directory)))
        contents = [content(files, path) for path in trusted(files)]
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        times = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            list(workers.map(lambda each: sha256(each).digest(), contents))
            times.append((time.perf_counter() - begin) * 1e3)
    return min(times), sum(map(len, contents)) / 1e6


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


def compare(stage: Stage, up: Mapping[str, str], engine: EngineName, environment: Mapping[str, str]) -> Iterator[str]:
    """Measure both in turns, so that a busy machine is busy for both."""
    deployment = Deployment(
        image=verified(IMAGE, repository=None, access=oci.Access()),
        name="redis",
        key_server=up["key_server"],
        evidence=PlatformSocket(path=str(stage.home / "platform.sock")),
        publish=(Publish(container_port=6379, host_port=PORT),),
    )
    container = application(deployment)
    files = Mount(source=str(stage.home / "files"), target=FILES, read_only=True)
    plain_one = replace(container, name="plain", image=PLAIN, mounts=(*container.mounts, files))
    confidential, plain = stage.home / "confidential.sh", stage.home / "plain.sh"
    confidential.write_text(run_line(container, engine) + "\n")
    plain.write_text(f"{run_line(plain_one, engine)} /usr/bin/redis-server {FILES}/redis.conf\n")
    services = {name: int((stage.home / f"{name}.pid").read_text().split()[0]) for name in ("keyserver", "platform")}
    ours: list[Start] = []
    theirs: list[Start] = []
    before: dict[str, float] = {}
    for number in range(ROUNDS + 1):
        if number == 1:  # the first start of each warms up
            ours, theirs, before = [], [], {name: used_by(pid) for name, pid in services.items()}
        ours.append(start(confidential, engine, "redis", environment))
        theirs.append(start(plain, engine, "plain", environment))
    spent = {name: (used_by(pid) - before[name]) / ROUNDS for name, pid in services.items()}
    hashed, size = hashing(IMAGE)
    for what, choose in (("median", statistics.median), ("smallest", min)):
        one, other = choose(each.wall for each in ours), choose(each.wall for each in theirs)
        yield (
            f"{engine}, {what} of {ROUNDS}: confidential {one:.0f} ms, plain {other:.0f} ms, added {one - other:.0f}; "
            f"hashing {size:.0f} MB takes {hashed:.0f} ms, besides it {one - other - hashed:.0f} (goal {GOAL:.0f} ms)"
        )
    more = statistics.median(each.cpu for each in ours) - statistics.median(each.cpu for each in theirs)
    yield (
        f"{engine}, CPU time of a start: {more:.0f} ms more in the container (hashing included), "
        f"key server {spent['keyserver']:.0f} ms, platform {spent['platform']:.0f} ms"
    )


def write_files(directory: Path) -> None:
    """Write what the plain Redis reads: the catalog's configuration, a certificate, a key and a password."""
    directory.mkdir()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    configuration = Path(next(iter(catalog.__path__))) / "redis" / "redis.conf"
    contents = {
        "certificate.pem": certificate.public_bytes(Encoding.PEM),
        "key.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "password.conf": b"requirepass none-of-your-business\n",
        "redis.conf": configuration.read_bytes()
        .replace(b"/run/caisson/tls/", f"{FILES}/".encode())
        .replace(b"/run/caisson/secrets/redis.conf", f"{FILES}/password.conf".encode()),
    }
    for file, text in contents.items():
        (directory / file).write_bytes(text)


def main() -> None:
    """Print what each engine gives. It runs inside `scripts/with-docker`."""
    with tempfile.TemporaryDirectory(prefix="caisson-start-") as directory, ExitStack() as stack:
        stage = Stage(Path(directory))
        (stage.home / "cache").symlink_to(CACHE)
        try:
            up = json.loads(stage.succeed("up", "redis", "--publish", "6379", "--json").stdout)
            stage.succeed("down", "redis", "--volumes")
            root = build_rootfs(redis_packages(), CACHE)
            run(os.environ, "docker", "import", str(root), PLAIN)
            write_files(stage.home / "files")
            for line in compare(stage, up, "docker", os.environ):
                print(line, flush=True)
            if shutil.which("podman"):
                environment = stack.enter_context(podman(stage.home))
                for image in (IMAGE, PLAIN):
                    run(os.environ, "docker", "save", "--output", str(stage.home / "image.tar"), image)
                    run(environment, "podman", "load", "--input", str(stage.home / "image.tar"))
                for line in compare(stage, up, "podman", environment):
                    print(line, flush=True)
        finally:
            stage.caisson("down", "--all")


def redis_packages() -> DebianSource:
    """Give what the catalog's Redis is made of."""
    source = catalog.load("redis").recipe.source.debian
    if source is None:
        raise SystemExit("error: the catalog's Redis is made of no packages")
    return source


def run(environment: Mapping[str, str], *words: str) -> str:
    """Run a program that must succeed; give what it printed."""
    done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: `{' '.join(words)}`: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    if sys.argv[1:] == ["--inside"]:
        main()
    else:
        subprocess.run([sys.executable, "-m", "demo.fetch"], check=True)
        os.execv(WRAPPER, [str(WRAPPER), sys.executable, "-m", "benchmarks.start", "--inside"])
