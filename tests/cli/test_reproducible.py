"""Two machines' worth of directories, umasks, time zones and locales give one digest."""

import json
import os
import subprocess
import sys

import pytest

from caisson.enclave import SigningKey
from tests.cli.conftest import PROGRAM, RECIPE
from tests.unit.conversion.runtime.conftest import PREFIX, install, program

MACHINES = [
    {"umask": 0o022, "variables": {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}},
    {"umask": 0o077, "variables": {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2"}},
]
CONFIGURATION = '[files]\ntrusted = ["/srv"]\n[[file]]\npath = "/etc/hello.conf"\ncontent = "x"\n'


def build(directory, key: bytes, runtime: str, *, umask: int, variables: dict[str, str]) -> dict[str, object]:
    """Do everything anew, as on a machine of its own: files made in another order, at another time."""
    files = {"bin/hello": PROGRAM, **{f"srv/{name}": name.encode() for name in "abcdefgh"}}
    ordered = sorted(files, reverse=umask == 0o077)
    for name in ordered:
        path = directory / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
        path.chmod(0o755)
        os.utime(path, (umask, umask))
    for path in (directory / "root", directory / "root" / "bin", directory / "root" / "srv"):
        path.chmod(0o755)
    install(directory / "machine", changes={f"{PREFIX}/lib/gramine/sgx/libpal.so": program(marks=b"PAL")})
    (directory / "caisson.toml").write_text(RECIPE + CONFIGURATION)
    (directory / "key.pem").write_bytes(key)
    environment = {"PATH": os.environ["PATH"], "CAISSON_HOME": str(directory / "home"), **variables}

    def caisson(*arguments):
        command = [sys.executable, "-m", "caisson.cli", *arguments, "--json"]
        done = subprocess.run(
            command, cwd=directory, env=environment, umask=umask, check=True, capture_output=True, text=True
        )
        return json.loads(done.stdout)

    caisson("runtime", "add", "--image", "rootfs:machine", "--prefix", f"/{PREFIX}")
    options = ("--recipe", "caisson.toml", "--key", "key.pem", "--runtime", runtime)
    return caisson("build", *options, "rootfs:root", "oci:out:v1")


@pytest.mark.parametrize("runtime", ["native", "gramine"])
def test_two_machines_give_one_digest(tmp_path_factory, runtime):
    key = SigningKey.generate().to_pem(None)
    one, other = (
        build(tmp_path_factory.mktemp(f"machine{number}"), key, runtime, **machine)
        for number, machine in enumerate(MACHINES)
    )
    assert one == other
    assert one["runtime"] == runtime
