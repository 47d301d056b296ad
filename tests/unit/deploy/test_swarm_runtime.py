"""The runtime of SGX nodes gives one device to those who reserve it, whatever a container says."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.deploy import runtime_program, swarm_runtime
from caisson.deploy.swarm_runtime import admit, bundle_of, reserves

DEFAULT = {"allow": False, "access": "rwm"}


def config(*env, **process):
    return {
        "process": {"env": list(env), "user": {"uid": 1, "gid": 1}, **process},
        "linux": {"resources": {"devices": [DEFAULT], "memory": {"limit": 5}}, "maskedPaths": ["/proc/kcore"]},
    }


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The program as it is installed, with an `echo` for runc and `/dev/null` for the device."""
    directory = tmp_path_factory.mktemp("runtime")
    program = directory / "caisson-sgx-runc"
    text = runtime_program(interpreter=sys.executable, runtime="/bin/echo", device="/dev/null")
    program.write_text(text)
    program.chmod(0o755)
    return program


def create(program, bundle, content):
    bundle.mkdir(exist_ok=True)
    path = bundle / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    log = bundle / "log.json"
    arguments = ["--root", "/r", "--log", str(log), "--log-format", "json", "create", "--bundle", str(bundle), "id"]
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return done, path.read_text(), log


def test_a_task_that_reserves_page_cache_gets_the_device_and_its_cgroup_rule(installed, tmp_path):
    done, text, _ = create(installed, tmp_path / "b", config("DOCKER_RESOURCE_SGX_EPC=64"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("id\n")
    after = json.loads(text)
    (node,) = after["linux"]["devices"]
    null = Path("/dev/null").stat().st_rdev
    assert (node["path"], node["major"], node["minor"]) == ("/dev/sgx_enclave", os.major(null), os.minor(null))
    assert after["linux"]["resources"]["devices"] == [
        DEFAULT,
        {"allow": True, "type": "c", "major": os.major(null), "minor": os.minor(null), "access": "rw"},
    ]
    assert after["process"]["noNewPrivileges"] is True


def test_others_are_started_as_they_are_to_the_byte(installed, tmp_path):
    before = json.dumps(config("PATH=/bin", "DOCKER_RESOURCE_SGX=64", "XDOCKER_RESOURCE_SGX_EPC=1"), indent=3)
    done, after, _ = create(installed, tmp_path / "b", before)
    assert (done.returncode, after) == (0, before)


def test_a_variable_of_ones_own_choice_leads_to_no_other_device(installed, tmp_path):
    wishes = [
        "DOCKER_RESOURCE_SGX_EPC=/dev/sda",
        "DOCKER_RESOURCE_SGX_EPC=../../dev/mem",
        "DOCKER_RESOURCE_SGX_PROVISION=1",
        "DOCKER_RESOURCE_GPU=all",
        "NVIDIA_VISIBLE_DEVICES=all",
        "DEVICE=/dev/mem",
    ]
    _, text, _ = create(installed, tmp_path / "b", config(*wishes))
    assert [node["path"] for node in json.loads(text)["linux"]["devices"]] == ["/dev/sgx_enclave"]
    assert len(json.loads(text)["linux"]["resources"]["devices"]) == 2


@given(env=st.lists(st.text(max_size=40)), reserve=st.text(max_size=10))
def test_whatever_the_environment_says_at_most_one_device_is_added(env, reserve):
    before = config(*env, f"DOCKER_RESOURCE_SGX_EPC={reserve}")
    assert reserves(before)
    admit(before, Path("/dev/null").stat())
    assert [node["path"] for node in before["linux"]["devices"]] == ["/dev/sgx_enclave"]
    assert before["linux"]["resources"]["memory"] == {"limit": 5}
    assert before["linux"]["maskedPaths"] == ["/proc/kcore"]


def test_a_node_of_that_name_is_replaced_and_not_kept():
    before = config()
    before["linux"]["devices"] = [{"path": "/dev/sgx_enclave", "type": "b", "major": 8, "minor": 0}]
    admit(before, Path("/dev/null").stat())
    assert [node["type"] for node in before["linux"]["devices"]] == ["c"]


class Device:
    """What stat(2) says of a device of a group."""

    st_rdev = os.makedev(10, 125)
    st_mode = stat.S_IFCHR | 0o660

    def __init__(self, group):
        self.st_gid = group


@pytest.mark.parametrize(("group", "groups"), [(988, [5, 988]), (5, [5]), (0, [5])])
def test_the_program_joins_the_devices_group_but_never_roots(group, groups):
    before = config(user={"uid": 1, "gid": 1, "additionalGids": [5]})
    admit(before, Device(group))
    assert before["process"]["user"]["additionalGids"] == groups


@pytest.mark.parametrize("device", ["/nonexistent", "/etc/passwd"])
def test_a_node_without_the_device_starts_no_task_that_needs_it(tmp_path, device):
    program = tmp_path / "runtime"
    program.write_text(runtime_program(interpreter=sys.executable, runtime="/bin/echo", device=device))
    program.chmod(0o755)
    done, _, log = create(program, tmp_path / "b", config("DOCKER_RESOURCE_SGX_EPC=1"))
    assert done.returncode == 1
    assert device in done.stderr
    assert "cannot be given /dev/sgx_enclave" in json.loads(log.read_text())["msg"]
    assert create(program, tmp_path / "b", config())[0].returncode == 0


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"process": 1}', '{"process": {"env": [1]}}'])
def test_a_configuration_that_is_none_starts_nothing(installed, tmp_path, content):
    assert create(installed, tmp_path / "b", content)[0].returncode == 1


@pytest.mark.parametrize(
    ("arguments", "bundle"),
    [
        (["create", "--bundle", "/b", "id"], "/b"),
        (["--root", "create", "--debug", "create", "-b", "/b", "id"], "/b"),
        (["--log=x", "run", "--bundle=/b", "id"], "/b"),
        (["create", "id"], "."),
        (["delete", "create"], None),
        (["--root", "create", "state", "--bundle", "/b"], None),
        (["exec", "id", "create", "--bundle", "/b"], None),
        (["--version"], None),
        ([], None),
    ],
)
def test_only_making_a_container_is_looked_at(arguments, bundle):
    assert bundle_of(arguments) == bundle


def test_the_program_needs_nothing_of_caisson():
    imported = {
        line for line in Path(swarm_runtime.__file__).read_text().splitlines() if "import" in line.split(" ")[:1]
    }
    assert imported == {"import json", "import os", "import stat", "import sys"}
