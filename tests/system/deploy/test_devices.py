"""The same deployment by every engine of one machine, from generated files: the device, and nothing else."""

import os

import pytest

from caisson.deploy import SgxDevices, cdi_specification, compose_project, run_script
from tests.system.deploy import probing
from tests.system.deploy.podman import podman
from tests.system.deploy.probing import GROUP, require_least_privilege, run, told


@pytest.fixture
def docker(probe_archive):
    """The probe's image in Docker; no container of its name is left."""
    image = probing.load(probe_archive, "docker")
    yield image
    if left := names():
        run("docker", "rm", "--force", "--volumes", *left)


def names():
    return [name for name in run("docker", "ps", "--all", "--format", "{{.Names}}").split() if name.startswith("probe")]


def test_docker_runs_the_script(docker, host, tmp_path):
    probing.write(run_script(probing.deployment(docker, host)), tmp_path)
    run("sh", tmp_path / "run.sh")
    require_least_privilege(told(lambda: run("docker", "logs", "probe")))


def test_a_restarted_program_gets_the_same_again(docker, host, tmp_path):
    probing.write(run_script(probing.deployment(docker, host)), tmp_path)
    run("sh", tmp_path / "run.sh")
    told(lambda: run("docker", "logs", "probe"))
    run("kill", "-9", run("docker", "inspect", "--format", "{{.State.Pid}}", "probe").strip())
    second = told(lambda: "".join(run("docker", "logs", "probe").splitlines(keepends=True)[1:]))
    require_least_privilege(second)


def test_compose_runs_the_project(docker, host, tmp_path, compose):
    probing.write(compose_project(probing.deployment(docker, host)), tmp_path / "project")
    options = {"cwd": tmp_path / "project", "env": {**environment(), "CAISSON_SGX_GROUP": str(GROUP)}}
    run(*compose, "up", "--detach", **options)
    try:
        require_least_privilege(told(lambda: run("docker", "logs", "probe")))
    finally:
        run(*compose, "down", "--volumes", **options)
    assert names() == []


def test_compose_does_not_start_without_the_devices_group(docker, host, tmp_path, compose):
    probing.write(compose_project(probing.deployment(docker, host)), tmp_path / "project")
    with pytest.raises(AssertionError, match="stat -L -c %g"):
        run(*compose, "up", "--detach", cwd=tmp_path / "project", env=environment())
    assert names() == []


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("CAISSON_")}


@pytest.mark.parametrize("cdi", [False, True])
def test_podman_runs_the_script(probe_archive, host, cdi):
    with podman(host) as environment:
        image = probing.load(probe_archive, "podman", env=environment)
        devices = SgxDevices(enclave=str(host / "sgx_enclave"), cdi=cdi)
        if cdi:
            probing.write(cdi_specification(devices), host / "podman" / "cdi")
        probing.write(run_script(probing.deployment(image, host, devices=devices), engine="podman"), host / "files")
        run("sh", host / "files" / "run.sh", env=environment)
        require_least_privilege(told(lambda: run("podman", "logs", "probe", env=environment)))
