"""Swarm stacks hold nothing that Swarm would drop, and say no where it would."""

import re

import pytest
import yaml

from caisson.deploy import ImagePin, Publish, SgxDevices, SidecarAesmd, epc_units, stack
from caisson.errors import UsageError
from caisson.oci import Digest

# docker/cli, compose/types.UnsupportedProperties, and what the schema of 3.8 does not know.
DROPPED = {
    "build", "cgroupns_mode", "cgroup_parent", "container_name", "devices", "device_cgroup_rules", "domainname",
    "external_links", "group_add", "ipc", "links", "mac_address", "network_mode", "pid", "privileged", "restart",
    "runtime", "security_opt", "shm_size", "tmpfs", "userns_mode",
}  # fmt: skip


def document(deployment, **options):
    (file,) = stack(deployment, **options)
    return yaml.safe_load(file.text)


def service(deployment, **options):
    return document(deployment, **options)["services"]["redis"]


def test_nothing_is_said_that_swarm_drops(make, sgx):
    assert not DROPPED & set(service(make(), volume_per_node=True))
    assert not DROPPED & set(service(sgx(), volume_per_node=True))


def test_what_can_be_locked_down_is(sgx):
    found = service(sgx(), volume_per_node=True)
    assert (found["read_only"], found["cap_drop"], found["user"]) == (True, ["ALL"], "101:102")


def test_sgx_is_reserved_by_the_size_of_the_enclave(sgx):
    reservations = service(sgx(), volume_per_node=True)["deploy"]["resources"]["reservations"]
    assert reservations["generic_resources"] == [{"discrete_resource_spec": {"kind": "SGX_EPC", "value": 1024}}]


@pytest.mark.parametrize(("size", "units"), [(1, 1), (1 << 20, 1), ((1 << 20) + 1, 2), (1 << 30, 1024)])
def test_a_part_of_a_unit_is_a_whole_one(sgx, size, units):
    assert epc_units(sgx(image_changes={"enclave_size": size})) == units


def test_an_enclave_of_unknown_size_cannot_be_placed(sgx):
    with pytest.raises(UsageError, match="size of the enclave"):
        stack(sgx(image_changes={"enclave_size": None}), volume_per_node=True)


def test_software_tasks_reserve_nothing(make):
    assert "resources" not in service(make(), volume_per_node=True)["deploy"]


def test_secrets_go_to_memory_of_the_task_alone(make):
    found = document(make(replicas=2), volume_per_node=True)
    memory = [volume for volume in found["volumes"].values() if "driver_opts" in volume]
    assert len(memory) == 2
    for volume in memory:
        assert "{{.Task.Slot}}" in volume["name"]
        assert volume["driver_opts"]["type"] == "tmpfs"
        assert "mode=0700,uid=101,gid=102" in volume["driver_opts"]["o"]


def test_tasks_of_one_node_do_not_share_data(make):
    names = [volume["name"] for volume in document(make(), constraints=("node.id==x",))["volumes"].values()]
    assert all("{{.Task.Slot}}" in name for name in names)


def test_data_that_would_be_left_behind_is_refused(make):
    with pytest.raises(UsageError, match="stays on the node"):
        stack(make())
    assert service(make(), volume_per_node=True)["deploy"]["placement"] == {"max_replicas_per_node": 1}
    pinned = service(make(), constraints=("node.hostname==a",))
    assert pinned["deploy"]["placement"] == {"constraints": ["node.hostname==a"]}


def test_an_address_that_swarm_would_ignore_is_refused(make):
    with pytest.raises(UsageError, match="all addresses"):
        stack(make(publish=(Publish(container_port=1, host_port=2, host_address="127.0.0.1"),)), volume_per_node=True)


def test_a_device_that_swarm_would_ignore_is_refused(sgx):
    for devices in (SgxDevices(group=1), SgxDevices(enclave="/dev/other")):
        with pytest.raises(UsageError, match="cannot name devices"):
            stack(sgx(devices=devices), volume_per_node=True)


def test_an_aesmd_that_could_not_work_is_refused(sgx):
    image = ImagePin(digest=Digest.parse("sha256:" + "cd" * 32))
    with pytest.raises(UsageError, match="no service `/dev/sgx_provision`"):
        stack(sgx(evidence=SidecarAesmd(image=image, pccs_url="https://pccs")), volume_per_node=True)


def test_a_restart_policy_that_swarm_would_ignore_is_refused(make):
    with pytest.raises(UsageError, match="no restart policy"):
        stack(make(restart="no"), volume_per_node=True)


def test_only_slots_are_put_in_by_swarm_and_no_variable(make):
    (file,) = stack(make(key_server="https://keys/$x"), volume_per_node=True)
    assert "https://keys/$$x" in file.text
    assert set(re.findall(r"\{\{.*?\}\}", file.text)) == {"{{.Task.Slot}}"}


def test_nothing_of_the_deployer_gets_into_a_path_of_the_image(make):
    path = "/x${AWS_SECRET_ACCESS_KEY}"
    deployment = make(image_changes={"tmpfs": (path,), "volumes": ()}, publish=())
    document = yaml.safe_load(stack(deployment)[0].text)
    escaped = "x$${AWS_SECRET_ACCESS_KEY}"
    assert [each["target"] for each in document["services"]["redis"]["volumes"] if each["type"] == "volume"] == [
        f"/{escaped}"
    ]
    names = [each["name"] for each in document["volumes"].values()]
    assert names == ["caisson.redis-{{.Task.Slot}}_x.24.7bAWS.5fSECRET.5fACCESS.5fKEY.7d"]
