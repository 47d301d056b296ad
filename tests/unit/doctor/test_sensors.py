"""What looks: each sensor on a thing of the test's own, and no secret in what it gives."""

import gc
import os
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from caisson.doctor.readings import Docker, QuoteProvider, Unread
from caisson.doctor.sensors import engines, machine, material
from caisson.doctor.sensors.aesmd import ask_aesmd, read_aesmd_configuration, read_quote_provider
from caisson.doctor.sensors.certificates import ask_pccs
from caisson.doctor.sensors.command import run
from caisson.doctor.sensors.look import look, parse_sight
from caisson.enclave import SigningKey
from caisson.engine import Docker as Engine
from caisson.errors import Malformed, Unavailable
from tests.unit.doctor.machines import server

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_process_sees_its_cpu_and_devices():
    seen = look(("/dev/null", "/dev/no-such-device"))
    assert seen.leaf(0) is not None
    assert seen.uid == os.getuid()
    assert [(each.kind, each.opened) for each in seen.devices] == [("character", True), ("absent", False)]


@pytest.mark.parametrize("line", ["", "{}", '{"uid": -1}', "not JSON"])
def test_what_the_program_does_not_print_is_refused(line):
    with pytest.raises(Malformed):
        parse_sight(line)


# --- the kernel's files ---------------------------------------------------------------------------------------------


def test_the_first_cpu_is_read():
    text = (
        "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nflags\t\t: fpu sgx sgx_lc\n\nprocessor\t: 1\n"
    )
    found = machine.cpu_info(text)
    assert (found.vendor, found.model, found.flags) == ("GenuineIntel", "Xeon", ("fpu", "sgx", "sgx_lc"))
    assert isinstance(machine.cpu_info("processor : 0\n"), Unread)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("quiet nosgx root=/dev/sda", ("nosgx",)),
        ("clearcpuid=sgx clearcpuid=288", ("clearcpuid=sgx", "clearcpuid=288")),
        ("nofsgsbase", ("nofsgsbase",)),
        ("password=hunter2 clearcpuid=avx nosgxx", ()),
    ],
)
def test_only_words_about_sgx_are_kept_of_the_command_line(line, words):
    assert machine.command_line(line) == words


def test_memory_is_in_bytes():
    found = machine.memory("MemTotal:       24576000 kB\nMemFree: 1 kB\nSwapTotal:       1024 kB\n")
    assert (found.total, found.swap) == (24576000 * 1024, 1 << 20)
    assert isinstance(machine.memory("MemFree: 1 kB\n"), Unread)


def test_this_machine_can_be_read():
    assert machine.read_memory().total > 0
    assert machine.read_cpu_info().flags
    assert machine.read_kernel().release == os.uname().release
    assert machine.read_limits().memory_areas > 0


def test_free_space_is_that_of_the_directory_that_will_be_made(tmp_path):
    (disk,) = machine.read_disks({"Caisson's own": tmp_path / "not" / "yet"})
    assert disk.free > 0
    assert not (tmp_path / "not").exists()


# --- aesmd ----------------------------------------------------------------------------------------------------------


@contextmanager
def aesmd(directory, answer):
    """Listen as aesmd does, and answer once."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(directory / "aesm.socket"))
        listening.listen()

        def serve():
            connection, _ = listening.accept()
            with connection:
                (size,) = struct.unpack("<I", connection.recv(4, socket.MSG_WAITALL))
                asked.append(connection.recv(size, socket.MSG_WAITALL))
                connection.sendall(answer)

        asked = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield asked
        thread.join(5)


def framed(message):
    return struct.pack("<I", len(message)) + message


@pytest.mark.parametrize("code", [0, 44])
def test_aesmd_is_asked_and_its_code_is_read(tmp_path, code):
    with aesmd(tmp_path, framed(bytes((0x7A, 2, 8, code)))) as asked:
        found = ask_aesmd(tmp_path)
    assert (found.socket, found.error) == (str(tmp_path / "aesm.socket"), code)
    assert len(asked[0]) == 271


@pytest.mark.parametrize(
    "answer", [b"", framed(b""), framed(b"HTTP/1.1 400"), struct.pack("<I", 1 << 30), b"\x05\0\0\0ab"]
)
def test_what_is_no_aesmd_is_told_apart(tmp_path, answer):
    with aesmd(tmp_path, answer):
        found = ask_aesmd(tmp_path)
    assert found.socket is not None
    assert found.error is None
    assert found.refusal


def test_who_does_not_answer_is_not_waited_for(tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "aesm.socket"))
        listening.listen()
        begun = time.monotonic()
        found = ask_aesmd(tmp_path, patience=0.2)
    assert time.monotonic() - begun < 3
    assert (found.error, "timed out" in found.refusal) == (None, True)


def test_no_aesmd_is_none(tmp_path):
    found = ask_aesmd(tmp_path)
    assert found.socket is None
    assert "no such file or directory" in found.refusal


def test_configuration_that_is_not_there_or_no_file_is_said(tmp_path):
    assert read_quote_provider(tmp_path / "none").problem == "it is not there"
    assert isinstance(read_quote_provider(tmp_path), Unread)
    assert isinstance(read_aesmd_configuration(tmp_path / "none"), Unread)
    (tmp_path / "aesmd.conf").write_text("default quoting type = ecdsa_256\n")
    assert read_aesmd_configuration(tmp_path / "aesmd.conf").quoting_type == "ecdsa_256"


# --- the PCCS -------------------------------------------------------------------------------------------------------


def revocation_list(end=NOW + timedelta(days=30)):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    builder = x509.CertificateRevocationListBuilder().issuer_name(name)
    made = builder.last_update(NOW - timedelta(days=1)).next_update(end).sign(key, SHA256())
    return made.public_bytes(Encoding.DER)


def ask(answers, url="https://pccs.example/sgx/certification/v4"):
    """Ask a PCCS whose answers, by the end of their path, are given."""
    asked = []

    def handle(request):
        asked.append(request.url.path)
        found = next((value for path, value in answers.items() if request.url.path.endswith(path)), None)
        if found is None:
            return httpx2.Response(404)
        return httpx2.Response(200, content=found, headers={"date": "Wed, 25 Nov 2026 00:00:07 GMT"})

    provider = QuoteProvider(path="/etc/sgx_default_qcnl.conf", pccs_url=url)
    client = httpx2.Client(transport=httpx2.MockTransport(handle))
    return ask_pccs(provider, client=lambda _provider: client), asked


GOOD = {"/rootcacrl": revocation_list().hex().encode(), "/pckcrl": b"crl", "/qe/identity": b"{}"}


def test_a_pccs_is_asked_for_what_it_gives_to_everybody():
    found, asked = ask(GOOD)
    assert (found.reached, found.revocation, found.identity) == ("", "", "")
    assert found.root_expiry == int((NOW + timedelta(days=30)).timestamp())
    assert found.clock == int(NOW.timestamp()) + 7
    assert len(asked) == 4


@pytest.mark.parametrize("missing", ["/pckcrl", "/qe/identity"])
def test_what_a_pccs_lacks_is_named(missing):
    found, _ = ask({path: value for path, value in GOOD.items() if path != missing})
    assert missing[1:] in found.revocation + found.identity
    assert (found.revocation == "") != (found.identity == "")


def test_a_pccs_that_does_not_answer_is_asked_once():
    found, asked = ask({})
    assert "status 404" in found.reached
    assert len(asked) == 1


def test_intels_own_service_has_its_list_elsewhere():
    answers = {"/IntelSGXRootCA.der": revocation_list(), "/pckcrl": b"crl", "/qe/identity": b"{}"}
    found, _ = ask(answers, url="https://api.trustedservices.intel.com/sgx/certification/v4")
    assert found.reached == ""
    assert found.root_expiry is not None


@pytest.mark.parametrize("content", [b"", b"<html>", b"zz", b"3000"])
def test_a_list_that_is_none_has_no_end(content):
    found, _ = ask({**GOOD, "/rootcacrl": content})
    assert found.root_expiry is None


def test_without_an_address_nobody_is_asked():
    assert isinstance(ask_pccs(None), Unread)
    assert isinstance(ask_pccs(QuoteProvider(path="x", problem="it has no `pccs_url`")), Unread)


# --- material -------------------------------------------------------------------------------------------------------


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_of_a_key_only_its_kind_is_kept(tmp_path):
    path = tmp_path / "key.pem"
    text = SigningKey.generate().to_pem(None)
    path.write_bytes(text)
    path.chmod(0o640)
    found = material.read_key(path)
    assert (found.bits, found.exponent, found.mode, found.owned, found.encrypted) == (3072, 3, 0o640, True, False)
    assert [line for line in text.decode().splitlines() if line in repr(found)] == []


def test_keys_of_other_kinds_are_told(tmp_path):
    path = tmp_path / "key.pem"
    path.write_bytes(pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    assert (material.read_key(path).bits, material.read_key(path).exponent) == (2048, 65537)
    path.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    assert material.read_key(path).problem == "it is not an RSA key"
    path.write_bytes(b"no key")
    assert material.read_key(path).problem
    path.write_bytes(SigningKey.generate().to_pem(b"hunter2"))
    assert (material.read_key(path).encrypted, material.read_key(path).bits) == (True, None)


def test_a_key_that_is_not_there_is_no_error(tmp_path):
    assert not material.read_key(tmp_path / "none").exists
    assert isinstance(material.read_key(tmp_path), Unread)


def test_a_workshop_without_runtimes_is_read_and_nothing_is_made(tmp_path):
    found = material.read_workshop(tmp_path / "runtimes")
    assert (found.missing, found.runtimes) == ((), ())
    assert not (tmp_path / "runtimes").exists()


# --- engines and programs -------------------------------------------------------------------------------------------


def test_an_engine_on_another_machine_gets_no_device_of_this_one(monkeypatch):
    far = replace(server().docker, local=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://far.example:2375")
    monkeypatch.setattr(engines, "read_docker", lambda _engine: far)
    assert engines.read_engines(device="/dev/null", nodes=False) == engines.Engines(docker=far, inside=None, swarm=None)


def test_an_address_that_is_none_of_an_engine_is_said_and_no_reason_to_stop(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "ssh://user:hunter2@far.example")
    found = engines.read_engines(device=None, nodes=True)
    assert found.docker == Unread(unread="Docker host `ssh://far.example` is neither `unix://…` nor `tcp://…`")
    assert found.swarm is None


@pytest.mark.parametrize(
    ("text", "runtime"),
    [
        ('{"default-runtime": "caisson-sgx"}', "caisson-sgx"),
        ("{}", None),
        ("[]", None),
        ("{", None),
        ('{"default-runtime": 1}', None),
    ],
)
def test_dockers_configuration_names_the_runtime_that_comes_next(tmp_path, text, runtime):
    (tmp_path / "daemon.json").write_text(text)
    assert engines._configured(tmp_path / "daemon.json") == runtime
    assert engines._configured(tmp_path / "none") is None


# httpx2 leaves a socket whose connection was refused to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_does_not_answer_is_unread(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # without Podman, either
    with Engine(f"unix://{tmp_path}/none.sock") as engine:
        found = engines.read_docker(engine)
        assert "does not answer" in found.unread
        assert engines.read_swarm(engine, found) is None
    assert engines.look_inside(None, "/dev/null") == Unread(unread="no engine answers")
    gc.collect()


def test_only_managers_are_asked_about_nodes(tmp_path):
    worker = Docker(
        version="28.2.2",
        local=True,
        security=(),
        default_runtime="runc",
        program=None,
        installed=True,
        cgroups="2",
        swarm="active",
        manager=False,
        resources={},
    )
    with Engine(f"unix://{tmp_path}/none.sock") as engine:
        assert engines.read_swarm(engine, worker) is None


def test_programs_that_fail_say_why(tmp_path):
    with pytest.raises(Unavailable, match="there is no `no-such-program`"):
        run("no-such-program")
    program = tmp_path / "fails"
    program.write_text("#!/bin/sh\necho first >&2; echo last >&2; exit 3\n")
    program.chmod(0o755)
    with pytest.raises(Unavailable, match="fails: last"):
        run(str(program))


def test_podman_is_asked_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engines.read_podman() is None
    program = Path(tmp_path, "podman")
    program.write_text("#!/bin/sh\necho '{}'\n")
    program.chmod(0o755)
    assert "Podman says something else" in engines.read_podman().unread
