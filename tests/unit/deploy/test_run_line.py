"""Command lines, read again as a shell would."""

import shlex
from itertools import pairwise

import pytest

from caisson.deploy import HostAesmd, ImagePin, PlatformSocket, Publish, Resources, SgxDevices, SidecarAesmd, run_script
from caisson.errors import UsageError
from caisson.oci import Digest


def words(deployment, **options):
    (file,) = run_script(deployment, **options)
    assert (file.name, file.executable) == ("run.sh", True)
    return shlex.split(file.text.replace("\\\n", ""), comments=True)


def values(deployment, option, **options):
    line = words(deployment, **options)
    return [value for name, value in pairwise(line) if name == option]


def test_every_container_is_locked_down(make):
    line = words(make())
    assert "--read-only" in line
    assert values(make(), "--cap-drop") == ["ALL"]
    assert values(make(), "--security-opt") == ["no-new-privileges"]
    assert values(make(), "--user") == ["101:102"]
    assert line[-1] == "registry.example/redis@sha256:" + "ab" * 32


def test_what_a_shell_would_take_apart_stays_one_word(make):
    deployment = make(evidence=PlatformSocket(path="/it's $HOME/`x`.sock"), key_server="https://keys/$(id)")
    assert "type=bind,source=/it's $HOME/`x`.sock,target=/run/caisson/platform.sock" in values(deployment, "--mount")
    assert values(deployment, "--env") == ["CAISSON_KEY_SERVER=https://keys/$(id)"]


def test_the_group_is_taken_from_the_device_when_the_line_is_run(sgx):
    assert values(sgx(), "--device") == ["/dev/sgx_enclave:/dev/sgx_enclave:rw"]
    assert values(sgx(), "--group-add") == ["$(stat -L -c %g /dev/sgx_enclave)"]
    assert values(sgx(devices=SgxDevices(group=7)), "--group-add") == ["7"]


def test_the_aesmd_directory_is_mounted_and_not_its_socket(sgx):
    mounts = values(sgx(evidence=HostAesmd(directory="/run/a")), "--mount")
    assert mounts[0] == "type=bind,source=/run/a,target=/var/run/aesmd"


def test_docker_has_the_health_check_from_the_image_and_podman_is_told(make):
    assert values(make(), "--health-cmd") == []
    assert values(make(), "--health-cmd", engine="podman") == ['["CMD", "/bin/check", "it\'s"]']
    assert words(make(), engine="podman")[2:5] == ["podman", "run", "--detach"]


def test_ports_and_limits(make):
    publish = (Publish(container_port=1), Publish(container_port=2, host_port=3, host_address="::1"))
    deployment = make(publish=publish, resources=Resources(memory=1 << 20, cpus=0.5))
    assert values(deployment, "--publish") == ["127.0.0.1::1", "[::1]:3:2"]
    assert values(deployment, "--memory") == ["1048576b"]
    assert values(deployment, "--cpus") == ["0.5"]


def test_each_replica_is_a_container_of_its_own(make):
    assert values(make(replicas=2), "--name") == ["redis-1", "redis-2"]


def test_two_containers_cannot_be_one_port(make):
    with pytest.raises(UsageError, match="cannot all be port 5"):
        run_script(make(replicas=2, publish=(Publish(container_port=1, host_port=5),)))


def test_command_lines_start_no_aesmd(sgx):
    sidecar = SidecarAesmd(image=ImagePin(digest=Digest.parse("sha256:" + "cd" * 32)), pccs_url="https://pccs")
    with pytest.raises(UsageError, match="no aesmd beside"):
        run_script(sgx(evidence=sidecar))


def test_a_command_line_joins_one_network(make):
    assert values(make(networks=("backend",)), "--network") == ["backend"]
    with pytest.raises(UsageError, match="one network"):
        run_script(make(networks=("one", "two")))
