"""`caisson doctor`, on readings of machines that nobody here has, and on this one."""

import json
import re
from dataclasses import replace

import pytest

from caisson.cli.app import run
from caisson.doctor import CHECKS, write_readings
from caisson.doctor.readings import Unread
from tests.unit.doctor.machines import recorded, server, sight
from tests.unit.doctor.stories import BLIND


@pytest.fixture
def judge(tmp_path, capsys):
    """Judge readings, and give the exit code and both streams."""

    def judge(readings, *arguments):
        path = tmp_path / "readings.json"
        path.write_bytes(write_readings(readings))
        code = run(["doctor", "--readings", str(path), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return judge


def test_a_good_server_is_well(judge):
    code, out, err = judge(server())
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "for run, build, attest: all is well"
    assert all(line.startswith(("ok ", "   ")) for line in out.splitlines()[:-2])


def test_without_sgx_it_fails_once_and_says_what_still_works(judge):
    code, out, _ = judge(recorded("virtual-machine-without-sgx"), "--for", "run")
    assert code == 1
    assert len(re.findall(r"^FAILED", out, re.MULTILINE)) == 1
    assert "not looked at because D01 (the CPU has SGX) failed: D02" in out
    assert "on the software platform, which protects nothing" in " ".join(out.split())


def test_each_purpose_has_a_verdict_of_its_own(judge):
    """A machine without SGX still builds images."""
    out = judge(recorded("virtual-machine-without-sgx"))[1]
    assert "for build: all is well\nfor run, attest: will not work as it is\n" in out
    outcomes = json.loads(judge(recorded("virtual-machine-without-sgx"), "--json")[1])["outcomes"]
    assert outcomes == {"attest": "failed", "build": "well", "run": "failed"}


def test_what_fails_stands_last_with_what_to_do(judge):
    code, out, _ = judge(replace(server(), sight=sight(mode=0o600)), "--for", "run")
    assert code == 1
    words = [line.split()[0] for line in out.splitlines() if re.match("ok|-|FAILED", line)]
    assert words == sorted(words, key=["ok", "-", "FAILED"].index)
    assert "→ a udev rule" in out


def test_what_decides_and_is_unknown_is_no_verdict(judge):
    code, out, _ = judge(replace(server(), kubernetes=BLIND), "--for", "kubernetes")
    assert code == 3
    assert "unknown D70" in out
    assert judge(replace(server(), firmware=BLIND), "--for", "run")[0] == 0


def test_json_has_all_of_it_in_a_schema_of_its_own(judge):
    code, out, _ = judge(recorded("virtual-machine-without-sgx"), "--for", "attest", "--for", "run", "--json")
    found = json.loads(out)
    assert code == 1
    assert (found["version"], found["schema"]) == (1, "caisson.doctor/1")
    assert (found["for"], found["outcome"]) == (["attest", "run"], "failed")
    assert "software platform" in found["still_works"]
    first, second = found["checks"][:2]
    assert (first["id"], first["name"], first["status"], first["because"]) == ("D01", "cpu-sgx", "failed", None)
    assert all(first[name] for name in ("title", "seen", "meaning", "remedy"))
    assert (second["status"], second["because"]) == ("not looked at", "D01")


def test_what_others_say_does_not_command_the_terminal(judge):
    readings = replace(server(), docker=Unread(unread="\x1b]0;owned\x07 \x1b[2J"), podman=None)
    _, out, _ = judge(readings, "--for", "run")
    assert "\x1b" not in out
    assert "\\x1b]0;owned\\x07" in out


def test_every_check_explains_itself(capsys):
    for check in CHECKS:
        assert run(["doctor", "--explain", check.id.lower()]) == 0
        by_id = capsys.readouterr().out
        assert run(["doctor", "--explain", check.name]) == 0
        assert capsys.readouterr().out == by_id
        assert by_id.startswith(f"{check.id} {check.name}: {check.title}\n")


def test_a_check_that_does_not_exist_is_a_usage_error(capsys):
    assert run(["doctor", "--explain", "D99"]) == 2
    assert "there is no check `D99`" in capsys.readouterr().err


def test_readings_that_are_none_are_refused(tmp_path, capsys):
    path = tmp_path / "readings.json"
    path.write_text('{"format": 1}')
    assert run(["doctor", "--readings", str(path)]) == 1
    assert ": these are no readings of `caisson doctor`" in capsys.readouterr().err


def test_readings_from_a_file_are_not_mixed_with_what_is_here(judge):
    assert judge(server(), "--record", "other.json")[0] == 2
    assert judge(server(), "oci:image")[0] == 2
