"""`caisson platform`: exit codes, stdout and stderr."""

import json
import re
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
from cryptography import x509

from caisson.cli import platform as platform_command
from caisson.cli.app import run
from caisson.platform import Revocable, Standing, TcbStatus, open_state

WARNING = "warning: this is a software platform: it protects nothing\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    path = tmp_path / "home"
    monkeypatch.setenv("CAISSON_HOME", str(path))
    return path


@pytest.fixture
def made(home):
    """A home with a platform in it."""
    with open_state(home / "platform", now=datetime.now(UTC)) as secrets:
        return secrets


def reachable(path):
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def serve_and_stop(arguments, path, ending=signal.SIGTERM, *, meanwhile=lambda: None):
    """Run `serve` here, and end it from another thread once its socket answers."""

    def stop():
        while not reachable(path):
            time.sleep(0.01)
        meanwhile()
        # Let the command print its last line before it is stopped.
        time.sleep(0.3)
        signal.pthread_kill(threading.main_thread().ident, ending)

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        return run(["platform", "serve", *arguments])
    finally:
        thread.join()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_when_it_is_ready_and_what_it_is_not(home, capsys, ending):
    path = home / "platform.sock"
    modes = []
    code = serve_and_stop([], path, ending, meanwhile=lambda: modes.append(stat.S_IMODE(path.stat().st_mode)))
    assert code == 0
    assert capsys.readouterr() == (f"ready unix:{path}\n", WARNING + "stopped\n")
    assert modes == [0o600]
    assert not path.exists()


def test_socket_can_be_opened_to_containers(home, capsys):
    path = home.parent / "s"
    modes = []
    arguments = ["--socket", str(path), "--socket-mode", "666", "--state", str(home.parent / "state")]
    code = serve_and_stop(arguments, path, meanwhile=lambda: modes.append(stat.S_IMODE(path.stat().st_mode)))
    assert (code, modes) == (0, [0o666])
    assert capsys.readouterr().out == f"ready unix:{path}\n"
    assert (home.parent / "state" / "platform.json").exists()


def test_service_on_all_its_addresses_stops_cleanly(home):
    """As a process of its own, which may use the network."""
    program = [sys.executable, "-m", "caisson.cli", "platform", "serve", "--tcp", "127.0.0.1:0", "--pcs", "127.0.0.1:0"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(3)]
        with socket.socket(socket.AF_UNIX) as guest:
            guest.connect(str(home / "platform.sock"))
            guest.sendall(struct.pack("<BI", 4, 0))
            assert guest.recv(5, socket.MSG_WAITALL) == struct.pack("<BI", 0, 512)
            process.terminate()
            assert process.wait(60) == 0
        assert process.stderr.read() == WARNING + "stopped\n"
    assert lines[0] == f"ready unix:{home / 'platform.sock'}\n"
    assert re.fullmatch(r"ready tcp:127\.0\.0\.1:\d+\n", lines[1])
    assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+/sgx/certification/v4/\n", lines[2])
    assert not (home / "platform.sock").exists()


def test_second_service_of_one_machine_is_refused(home, made, capsys):
    with open_state(home / "platform", now=made.created):
        assert run(["platform", "serve"]) == 3
    assert capsys.readouterr().err == (
        f"error: the platform in `{home}/platform` is in use\n"
        "hint: stop the other process, or choose another directory\n"
    )


@pytest.mark.enable_socket
@pytest.mark.parametrize("option", ["--tcp", "--pcs"])
@pytest.mark.usefixtures("made")
def test_nothing_is_ready_where_an_address_is_taken(home, capsys, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run(["platform", "serve", option, address]) == 3
    assert capsys.readouterr() == (
        "",
        WARNING + f"error: cannot listen on `{address}`: Address already in use\n"
        "hint: choose another address or port\n",
    )
    assert not (home / "platform.sock").exists()


@pytest.mark.usefixtures("made")
def test_file_in_the_place_of_the_socket_is_left_alone(home, capsys):
    (home / "platform.sock").write_text("mine")
    assert run(["platform", "serve"]) == 2
    assert capsys.readouterr() == (
        "",
        WARNING + f"error: `{home}/platform.sock` exists and is not a socket\nhint: choose another path\n",
    )
    assert (home / "platform.sock").read_text() == "mine"


def test_collateral_says_what_the_options_say(home, made, monkeypatch):
    """The options reach the platform: its collateral is looked at while it runs."""
    seen = []
    genuine = platform_command.SoftwarePlatform
    monkeypatch.setattr(
        platform_command, "SoftwarePlatform", lambda *arguments: seen.append(genuine(*arguments)) or seen[-1]
    )
    options = ["--tcb-status", "OutOfDate", "--advisory", "INTEL-SA-00615", "--qe-status", "Revoked", "--revoke", "pck"]
    assert serve_and_stop(options, home / "platform.sock") == 0
    assert seen[0].root_certificate == made.provisioning.root_certificate
    assert seen[0].standing == Standing(
        tcb_status=TcbStatus.OUT_OF_DATE,
        advisories=("INTEL-SA-00615",),
        qe_status=TcbStatus.REVOKED,
        revoked=frozenset({Revocable.PCK}),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tcp", "localhost"], "`localhost` is not HOST:PORT"),
        (["--tcp", ":80"], "`:80` is not HOST:PORT"),
        (["--pcs", "127.0.0.1:65536"], "`127.0.0.1:65536` is not HOST:PORT"),
        (["--socket-mode", "9"], "`9` is not a mode in octal"),
        (["--socket-mode", "1777"], "`1777` is not a mode in octal"),
        (["--tcb-status", "Fine"], "`Fine` is not one of"),
        (["--revoke", "everything"], "`everything` is not one of"),
    ],
)
def test_wrong_options_are_usage_errors(home, capsys, arguments, message):
    assert run(["platform", "serve", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (home / "platform").exists()


def test_root_is_the_certificate_in_pem(home, made, capsys):
    assert run(["platform", "root"]) == 0
    out, err = capsys.readouterr()
    assert x509.load_pem_x509_certificate(out.encode()) == made.provisioning.root.certificate
    assert err == ""
    assert home.exists()


@pytest.mark.parametrize("command", ["root", "show"])
def test_missing_platform_is_a_usage_error(home, capsys, command):
    assert run(["platform", command]) == 2
    assert capsys.readouterr() == (
        "",
        f"error: there is no whole platform in `{home}/platform`\nhint: `caisson platform serve` makes one\n",
    )


@pytest.mark.usefixtures("home")
def test_show_says_which_machine_it_is(made, capsys):
    assert run(["platform", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    machine = made.provisioning.machine
    assert shown["version"] == 1
    assert shown["fmspc"] == machine.fmspc.hex()
    assert shown["ppid"] == machine.ppid.hex()
    assert shown["cpu_svn"] == str(machine.cpu_svn)
    assert shown["protects"] == "nothing"
    assert set(shown["qe"]) == {"id", "mrenclave", "mrsigner", "isvprodid", "isvsvn"}

    assert run(["platform", "show"]) == 0
    human = capsys.readouterr().out
    assert f"fmspc         {machine.fmspc.hex()}\n" in human
    assert human.endswith("protects      nothing\n")


@pytest.mark.parametrize("command", [[], ["serve"], ["root"], ["show"]])
def test_help_ends_with_an_example(capsys, command):
    assert run(["platform", *command, "--help"]) == 0
    assert capsys.readouterr().out.rpartition("Example:\n")[2].strip().startswith("caisson platform ")
