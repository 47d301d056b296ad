"""A start that succeeds: what the program finds."""

import hashlib
import random
import signal
import subprocess

import pytest

from caisson.conversion.layer import AddedFile
from caisson.enclave.protected_files import FileKey, encrypt_repeatably

pytestmark = pytest.mark.enable_socket


def test_the_program_finds_its_secrets_and_nothing_else(container):
    container.script = (
        "pwd; echo $$ $PASSWORD ${SMUGGLED-none} $1; cat /run/caisson/etc/secret; echo; "
        "stat -c '%a %u' /run/caisson/tls/*"
    )
    status, stdout, stderr = container.run()
    assert (status, stderr) == (0, "")
    assert stdout.splitlines() == ["/data", "1 canary-env none canary-argument", "canary-file", "400 0", "400 0"]


def test_the_program_gets_its_core_dumps_and_descriptors_back(container):
    container.script = "ulimit -c; ls /proc/self/fd | wc -l; cat /proc/self/status | grep -E 'SigBlk|SigIgn'"
    inherited = container.run()[1].splitlines()
    assert inherited[0] == "4096"
    # 0, 1, 2 and the one that `ls` opens.
    assert inherited[1] == "4"
    # Signals are as whoever started premain had them: just as a shell finds them that this process starts.
    command = ["sh", "-c", "grep -E 'SigBlk|SigIgn' /proc/self/status"]
    assert inherited[2:] == subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_signals_reach_the_program(container):
    container.script = "trap 'echo stopped; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    with container.start() as process:
        assert process.stdout.readline() == "ready\n"
        container.signal(signal.SIGTERM)
        stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (7, "stopped\n")


def test_root_becomes_the_measured_user_for_good(container):
    container.user = 1234
    container.script = "id; cat /run/caisson/tls/key.pem | head -1; grep -E 'Cap(Eff|Prm)' /proc/self/status"
    status, stdout, stderr = container.run()
    assert (status, stderr) == (0, "")
    user, key, *capabilities = stdout.splitlines()
    assert user.startswith("uid=1234")
    assert "gid=1234" in user
    assert "root" not in user
    assert key == "-----BEGIN PRIVATE KEY-----"
    assert all(line.endswith("\t0000000000000000") for line in capabilities)


def test_a_container_of_the_measured_user_needs_no_root(container):
    container.user, container.runs_as = 1234, "1234:1234"
    container.script = "id -u; id -g; cat /run/caisson/etc/secret"
    assert container.run() == (0, "1234\n1234\ncanary-file", "")


def test_the_platform_measures_premain_itself(container, binary):
    container.run()
    (payload,) = container.platform.launched
    size = int.from_bytes(payload[:4], "little")
    assert payload[4 : 4 + size] == binary.read_bytes()
    manifest = (container.root / ".caisson/app.manifest.sgx").read_bytes()
    assert payload[4 + size :] == len(manifest).to_bytes(4, "little") + manifest + bytes(1808)


def test_encrypted_files_are_in_memory_before_the_program_starts(container):
    """What Python wrote, Go reads: a tree of several branches, whose names and sizes nobody else learns."""
    key, model = b"0123456789abcdef", random.Random(1).randbytes(800 * 4096 + 17)
    files = (
        AddedFile(path="/run/caisson/app/main.sh", mode=0o555, content=b"echo secret code; sha256sum < $1"),
        AddedFile(path="/run/caisson/app/models/" + "m" * 150, mode=0o440, content=model),
    )
    pieces = [piece for file in files for piece in file.member(file.path[1:])]
    where = container.root / ".caisson/encrypted/code"
    where.parent.mkdir()
    with where.open("w+b") as target:
        encrypt_repeatably(lambda: pieces, target, FileKey(key), path="/.caisson/encrypted/code")
    container.trusted = (*container.trusted, "/.caisson/encrypted/code")
    container.measured["CAISSON_ENCRYPTED"] = "code"
    container.server.change = {"fs_keys": {"code": key}}
    container.user = 1234
    container.script = (
        "/bin/sh /run/caisson/app/main.sh /run/caisson/app/models/*; stat -c '%a %u' /run/caisson/app/*.sh"
    )
    status, stdout, stderr = container.run()
    assert (status, stderr) == (0, "")
    assert stdout.splitlines() == ["secret code", f"{hashlib.sha256(model).hexdigest()}  -", "555 1234"]
