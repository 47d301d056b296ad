"""A program that tells what it was given, deployed as one for SGX is; `/dev/fuse` stands in for the enclave device."""

import json
import os
import socket
import stat
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from caisson.deploy import Deployment, File, HostAesmd, ImagePin, MeasuredImage, Publish, SgxDevices
from caisson.oci import Digest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
UID, GID, GROUP = 999, 998, 988
FUSE = os.makedev(10, 229)


def archive(directory: Path) -> Path:
    """Compile the probe, and give it as a root file system."""
    program, path = directory / "probe", directory / "probe.tar"
    subprocess.run([sys.executable, ROOT / "premain" / "build.py", program, HERE / "probe"], check=True)
    with tarfile.open(path, "w") as tar:
        tar.add(program, "probe")
    return path


def load(path: Path, *engine: str, version: str = "1", **options) -> Digest:
    """Give the probe to an engine; it is called as `docker` is. The image's identifier is given."""
    changes = ('ENTRYPOINT ["/probe"]', f"ENV VERSION={version}", f"USER {UID}:{GID}", "EXPOSE 8080")
    words = [word for change in changes for word in ("--change", change)]
    done = run(*engine, "import", *words, path, f"caisson/probe:{version}", **options)
    text = done.splitlines()[-1].strip()
    return Digest.parse(text if text.startswith("sha256:") else f"sha256:{text}")


def run(*words: str | Path, **options) -> str:
    """Run a program that must succeed; give what it printed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def surroundings(directory: Path):
    """Give a device, in a group of its own, and an aesmd that takes connections and says nothing."""
    device = directory / "sgx_enclave"
    os.mknod(device, stat.S_IFCHR, FUSE)
    os.chown(device, 0, GROUP)
    device.chmod(0o660)
    with aesmd(directory / "aesmd"):
        yield directory


@contextmanager
def aesmd(directory: Path):
    """Listen where aesmd would; as its socket, this one is for everybody."""
    directory.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        path = directory / "aesm.socket"
        listening.bind(str(path))
        path.chmod(0o666)
        listening.listen()
        threading.Thread(target=_accept, args=(listening,), daemon=True).start()
        yield


def _accept(listening: socket.socket) -> None:
    while True:
        try:
            listening.accept()[0].close()
        except OSError:
            return


def deployment(image: Digest, directory: Path, **changes) -> Deployment:
    """Describe the probe as an image for SGX."""
    measured = MeasuredImage(
        pin=ImagePin(digest=image),
        workload="probe",
        runtime="gramine",
        uid=UID,
        gid=GID,
        tmpfs=(),
        volumes=(),
        ports=(8080,),
        enclave_size=512 << 20,
    )
    found = Deployment(
        image=measured,
        name="probe",
        key_server="https://keys.example/$HOME",
        evidence=HostAesmd(directory=str(directory / "aesmd")),
        devices=SgxDevices(enclave=str(directory / "sgx_enclave")),
        publish=(Publish(container_port=8080),),
    )
    return replace(found, **changes)


def write(files: tuple[File, ...], directory: Path) -> None:
    """Write files as `caisson deploy --output` does."""
    directory.mkdir(exist_ok=True)
    for file in files:
        (directory / file.name).write_text(file.text)


def told(logs) -> dict[str, object]:
    """Wait until the probe has told what it was given."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for line in logs().splitlines():
            at = line.find('{"')
            if at >= 0:
                return json.loads(line[at:])
        time.sleep(0.1)
    raise AssertionError(f"the probe told nothing: {logs()}")


def require_least_privilege(found: dict[str, object], *, groups: list[int] | None = None) -> None:
    """Check that it got what an enclave needs, and nothing else."""
    assert found["enclave"] == "opened", found
    assert found["mappable"] is True, found
    assert found["provision"] == "no such file or directory", found
    assert found["other"] == "no such file or directory", found
    assert found["aesmd"] == "answers", found
    assert (found["uid"], found["gid"]) == (UID, GID), found
    assert set(found["groups"]) - {GID} == set(groups or [GROUP]), found
    assert int(found["capabilities"], 16) == 0, found
    assert found["no_new_privileges"] == "1", found
    assert "read-only file system" in found["root"], found
    assert found["key_server"] == "https://keys.example/$HOME", found
