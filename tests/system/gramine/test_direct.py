"""Redis, Python and NGINX out of Debian under gramine-direct: premain activates, and becomes them."""

import contextlib
import http.client
import shutil
import ssl
import subprocess
import time

import pytest

from caisson.evidence import EnclaveRule, TcbStatus
from tests.system.gramine.recipes import NGINX, PYTHON, REDIS

pytestmark = pytest.mark.slow


def wait_until(ready, process, *, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0].decode())
        try:
            return ready()
        except (OSError, subprocess.CalledProcessError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def page(port: int, ca: str) -> bytes:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", port, timeout=10, context=ssl.create_default_context(cadata=ca)
    )
    connection._context.check_hostname = False  # it is named for its workload
    with contextlib.closing(connection):
        connection.request("GET", "/")
        return connection.getresponse().read()


def redis(*words: str) -> str:
    command = ["redis-cli", "--tls", "--insecure", "-p", "7379", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout.strip()


@pytest.mark.parametrize(("recipe", "name", "port"), [(PYTHON, "python", 7444), (NGINX, "nginx", 7443)])
def test_a_web_server_answers_with_the_certificate_that_the_key_server_gave(place, recipe, name, port):
    built = place.build(recipe, name)
    place.admit(built)
    ca = place.home.server_ca.read_text()
    with place.run(built) as process:
        assert wait_until(lambda: page(port, ca), process) == b"hello from the inside"


@pytest.fixture(scope="module")
def stored(place):
    return place.build(REDIS, "redis")


def test_redis_keeps_its_data_in_files_that_the_host_cannot_read(place, stored):
    place.admit(stored)
    with place.run(stored) as process:
        assert wait_until(lambda: redis("PING"), process) == "PONG"
        assert redis("SET", "canary", "sings-in-the-dark") == "OK"
        assert redis("SAVE") == "OK"
    written = (stored.root / "data" / "dump.rdb").read_bytes()
    assert written.startswith(b"GRAFS_PF")
    assert b"canary" not in written
    with place.run(stored) as process:
        assert wait_until(lambda: redis("GET", "canary"), process) == "sings-in-the-dark"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"roots": frozenset()}, "root"),
        ({"tcb_statuses": frozenset({TcbStatus.OUT_OF_DATE})}, "TCB"),
    ],
)
def test_a_policy_that_asks_for_hardware_refuses_it(place, stored, change, said):
    """The software platform's root is trusted only where a policy names it; without it, the evidence is nobody's."""
    place.admit(stored, **change)
    with place.run(stored) as process:
        output, status = process.communicate(timeout=60)[0].decode(), process.returncode
    assert (status, said in output) == (88, True), output


def test_another_enclave_is_refused(place, stored):
    other = bytearray(stored.verified.mr_enclave.value)
    other[0] ^= 1
    rule = EnclaveRule(mr_enclave=type(stored.verified.mr_enclave)(bytes(other)), mr_signer=stored.verified.mr_signer)
    place.admit(stored, enclaves=(rule,))
    with place.run(stored) as process:
        output = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 88, output


@pytest.mark.parametrize(
    "path",
    ["etc/caisson/redis.conf", ".caisson/premain", ".caisson/runtime/libc/libc.so.6", "usr/bin/redis-check-rdb"],
)
def test_gramine_refuses_a_file_that_was_changed(place, stored, path):
    place.admit(stored)
    file = stored.root / path
    kept = file.with_name(f"{file.name}.kept")
    shutil.copy2(file, kept)
    try:
        file.chmod(0o755)
        file.write_bytes(file.read_bytes() + b"\n")
        with place.run(stored) as process:
            output = process.communicate(timeout=60)[0].decode()
        assert process.returncode != 0, output
    finally:
        kept.replace(file)
