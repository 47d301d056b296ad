"""Local attestation through the platform's socket: proofs for one enclave on one processor, and the guide about it."""

import re
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caisson.cli.app import run
from caisson.enclave import NO_DATE, SigningKey, measure, sign
from caisson.errors import Malformed, PlatformRejected, Unavailable
from caisson.platform import GuestEnclave, PlatformServer, SoftwarePlatform
from caisson.platform.wire import HEADER
from caisson.sgx import ReportData, SigStruct, TargetInfo
from tests.platform.conftest import MANIFEST, elf

GUIDE = Path(__file__).parent.parent.parent / "docs" / "guides" / "local-attestation.md"
SAID = ReportData(b"nonce".ljust(64, b"\0"))


@pytest.fixture(scope="module")
def key():
    return SigningKey.generate()


@pytest.fixture(scope="module")
def programs(key):
    """Two enclaves that differ in a comment of their manifests."""
    pal = elf(0x2000)
    manifests = {name: MANIFEST + f"# {name}\n".encode() for name in ("alice", "bob")}
    return {
        name: {"pal": pal, "manifest": manifest, "sigstruct": sign(pal, manifest, key, date=NO_DATE)}
        for name, manifest in manifests.items()
    }


@pytest.fixture
def start(programs, serve, tmp_path):
    serve()

    def start(name, *, platform=tmp_path / "platform.sock", **changes):
        return GuestEnclave.launch(platform, **(programs[name] | changes))

    return start


def test_two_enclaves_prove_to_each_other_what_they_are(start, programs):
    with start("alice") as alice, start("bob") as bob:
        for prover, verifier, name in ((alice, bob, "alice"), (bob, alice, "bob")):
            body = verifier.check(prover.report(verifier.target_info, SAID))
            program = programs[name]
            assert body.mr_enclave == measure(program["pal"], program["manifest"])
            assert body.mr_signer == program["sigstruct"].mr_signer
            assert body.report_data == SAID


def test_a_proof_outlives_the_connection_it_was_made_on(start):
    """The REPORT key is the enclave's, not the process's."""
    with start("alice") as alice:
        target = alice.target_info
    with start("bob") as bob:
        report = bob.report(target, SAID)
    with start("alice") as again:
        assert again.check(report).report_data == SAID


def refused(enclave, report):
    with pytest.raises(PlatformRejected) as caught:
        enclave.check(report)
    return caught.value.code


def test_a_proof_for_another_enclave_is_refused(start):
    with start("alice") as alice, start("bob") as bob:
        for target in (bob.target_info, replace(alice.target_info, misc_select=1)):
            assert refused(alice, bob.report(target, SAID)) == "SGX_INVALID_REPORT"


@pytest.mark.parametrize("at", [0, 16, 48, 64, 128, 256, 258, 320, 383, 384, 416, 431])
def test_a_changed_proof_is_refused(start, at):
    with start("alice") as alice, start("bob") as bob:
        report = bytearray(bob.report(alice.target_info, SAID).encode())
        report[at] ^= 1
        assert refused(alice, type(bob.report(alice.target_info, SAID)).parse(bytes(report))) == "SGX_INVALID_REPORT"


def test_a_proof_of_another_machine_is_refused(start, loader, signing_key, tmp_path):
    other = SoftwarePlatform.create(now=datetime.now(UTC), signing_key=signing_key)
    with PlatformServer(other, loader) as server:
        server.listen_unix(tmp_path / "other.sock")
        with start("alice") as alice, start("bob", platform=tmp_path / "other.sock") as bob:
            assert refused(alice, bob.report(alice.target_info, SAID)) == "SGX_INVALID_REPORT"


def test_an_enclave_that_was_changed_does_not_start(start, programs):
    with pytest.raises(PlatformRejected, match="SGX_INVALID_MEASUREMENT"), start("alice", manifest=MANIFEST):
        pass
    forged = SigStruct.parse(programs["bob"]["sigstruct"].encode())
    with pytest.raises(PlatformRejected), start("alice", sigstruct=forged):
        pass


def test_nobody_there_is_no_verdict(start, tmp_path):
    with pytest.raises(Unavailable, match="no software platform"), start("alice", platform=tmp_path / "nowhere"):
        pass


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", Unavailable),
        (HEADER.pack(0, 64)[:3], Unavailable),
        (HEADER.pack(0, 64), Unavailable),
        (HEADER.pack(0, 1 << 30), Malformed),
        (HEADER.pack(99, 0), Malformed),
        (HEADER.pack(0, 64) + bytes(64) + HEADER.pack(0, 3) + b"abc", Malformed),
    ],
    ids=range(6),
)
def test_a_platform_that_talks_nonsense_is_not_believed(programs, tmp_path, said, error):
    path = tmp_path / "odd.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer():
            stream, _ = listener.accept()
            with stream:
                size = struct.unpack("<BI", stream.recv(5, socket.MSG_WAITALL))[1]
                stream.recv(size, socket.MSG_WAITALL)
                stream.sendall(said)
                stream.shutdown(socket.SHUT_WR)
                while stream.recv(1 << 16):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(error), GuestEnclave.launch(path, **programs["alice"]):
            pass
        thread.join()


# The command.


@pytest.fixture
def command(programs, serve, tmp_path, capsys):
    """Type `caisson attest-local`, as one of the two."""
    serve()
    for name, program in programs.items():
        (tmp_path / f"{name}.elf").write_bytes(program["pal"])
        (tmp_path / f"{name}.manifest").write_bytes(program["manifest"])
        (tmp_path / f"{name}.sig").write_bytes(program["sigstruct"].encode())

    def command(verb, name, *arguments):
        files = [("pal", "elf"), ("manifest", "manifest"), ("sigstruct", "sig")]
        options = [part for option, end in files for part in (f"--{option}", str(tmp_path / f"{name}.{end}"))]
        code = run(["attest-local", verb, *options, "--socket", str(tmp_path / "platform.sock"), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return command


def test_three_commands_make_a_proof(command, programs, tmp_path):
    target, report = str(tmp_path / "alice.target"), str(tmp_path / "bob.report")
    code, out, err = command("target", "alice", "-o", target)
    assert (code, "protects nothing" in err) == (0, True), err
    assert TargetInfo.parse(Path(target).read_bytes()).mr_enclave.value.hex() in out
    assert command("report", "bob", "--target", target, "--data", "00ff", "-o", report)[0] == 0
    bob = str(measure(programs["bob"]["pal"], programs["bob"]["manifest"]))
    code, out, _ = command("check", "alice", report, "--mrenclave", bob, "--data", "00ff", "--json")
    assert (code, f'"mrenclave": "{bob}"' in out) == (0, True)
    code, out, _ = command("check", "alice", report)
    assert (code, "product 7, version 1" in out) == (0, True)
    for arguments, words in (
        (["--mrenclave", "00" * 32], "MRENCLAVE is"),
        (["--mrsigner", "00" * 32], "MRSIGNER is"),
        (["--data", "00fe"], "is genuine, and says"),
    ):
        code, out, err = command("check", "alice", report, *arguments)
        assert (code, out, words in err) == (1, "", True)
    assert command("check", "bob", report)[0] == 1
    assert command("report", "bob", "--target", target, "--data", "00ff", "-o", report)[0] == 2


@pytest.mark.parametrize("data", ["xyz", "00" * 65])
def test_what_is_said_has_a_size(command, tmp_path, data):
    target = tmp_path / "alice.target"
    target.write_bytes(bytes(512))
    code, _, err = command("report", "bob", "--target", str(target), "--data", data, "-o", str(tmp_path / "x"))
    assert (code, "--data" in err) == (2, True)


def test_the_guide_is_true(tmp_path):
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 6
    prologue = [
        "set -eu -o pipefail",
        "trap 'kill $(jobs -p); wait' EXIT",
        f'cd "{tmp_path}"',
        f'export PATH="{Path(sys.executable).parent}:$PATH"',
    ]
    done = subprocess.run(
        ["bash", "-c", "\n".join(prologue + blocks)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("SGX_INVALID_REPORT") == 2
    assert "says       00112233445566778899aabbccddeeff" in done.stdout
