"""The doctor looks at a device from inside a container of a real engine; another device stands in for SGX's."""

import gc
import json
import os
import stat
from dataclasses import replace

import pytest

from caisson.cli.app import run as caisson
from caisson.doctor import CHECKS, Purpose, examine, read_readings
from tests.system.deploy.podman import podman
from tests.system.deploy.probing import GROUP, run
from tests.unit.doctor.machines import leaves


@pytest.fixture
def seen(host, tmp_path, capsys):
    """Let the doctor look at this machine, and judge it as if its CPU were one with SGX."""

    def seen(*options, purpose=Purpose.RUN):
        path = tmp_path / "readings.json"
        device = ("--device", str(host / "sgx_enclave"), "--aesmd", str(host / "aesmd"))
        code = caisson(["doctor", "--for", purpose.value, *device, *options, "--record", str(path), "--force"])
        assert code in (0, 1), capsys.readouterr().err
        capsys.readouterr()
        found = read_readings(path.read_bytes())
        found = replace(found, sight=replace(found.sight, leaves=leaves("xeon-gold-5315y")))
        report = examine(found, {purpose}, checks=CHECKS)
        return {result.check.id: result.finding for result in report.results}

    return seen


def left_over():
    containers = run("docker", "ps", "--all", "--format", "{{.Names}}")
    images = run("docker", "images", "--format", "{{.Repository}}")
    return [name for name in (containers + images).split() if name.startswith("caisson-doctor")]


def test_a_container_that_may_open_the_device_does(seen):
    found = seen()
    assert {found[each].status for each in ("D10", "D11", "D12", "D13", "D30", "D31")} == {"ok"}, found
    assert found["D13"].seen == f"a container (user 1000:1000, groups {GROUP}, 1000) opens it"
    assert left_over() == []


# httpx2 leaves a socket whose connection was refused to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_where_there_is_no_docker_podman_is_asked(seen, host, monkeypatch):
    with podman(host) as environment:
        monkeypatch.setenv("PATH", environment["PATH"])
        monkeypatch.setenv("DOCKER_HOST", f"unix://{host}/none.sock")
        found = seen()
        assert "there is Podman 4" in found["D30"].seen
        assert found["D13"].status == "ok", found["D13"]
        (host / "sgx_enclave").chmod(0o600)
        assert seen()["D13"].meaning == "only the device's owner may open it"
        images = run("podman", "images", "--format", "{{.Repository}}", env=environment)
        gc.collect()
        assert "caisson-doctor" not in images + run("podman", "ps", "--all", env=environment)


def test_a_device_that_is_its_owners_only_does_not_open_inside(seen, host):
    (host / "sgx_enclave").chmod(0o600)
    found = seen()
    assert found["D13"].status == found["D11"].status == "failed"
    assert "does not open: permission denied" in found["D13"].seen
    assert found["D13"].meaning == "only the device's owner may open it"
    assert left_over() == []


def test_a_device_without_a_driver_does_not_open_inside(seen, host):
    device = host / "sgx_enclave"
    device.unlink()
    os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(10, 254))
    device.chmod(0o666)
    found = seen()
    assert found["D13"].status == "failed"
    assert found["D13"].meaning == "its driver does not take it"


def test_without_a_container_nothing_is_said_of_one(seen):
    assert "D13" not in seen("--no-container")
    assert left_over() == []


def test_what_takes_connections_and_says_nothing_is_no_aesmd(seen, host):
    found = seen(purpose=Purpose.ATTEST)
    assert found["D20"].seen == f"aesmd takes connections at `{host}/aesmd/aesm.socket`"
    assert found["D21"].status == "failed"
    assert "gave no answer" in found["D21"].seen


def test_the_doctor_is_right_about_this_engine(capsys):
    assert caisson(["doctor", "--for", "swarm", "--json"]) == 1
    found = {each["id"]: each for each in json.loads(capsys.readouterr().out)["checks"]}
    version = run("docker", "version", "--format", "{{.Server.Version}}").strip()
    assert found["D30"]["seen"].startswith(f"Docker {version}, ")
    assert (found["D60"]["status"], found["D61"]["status"]) == ("failed", "failed")
    assert found["D62"]["because"] == "D60"
