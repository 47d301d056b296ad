"""Compose projects, read again as a reader of YAML would."""

import pytest
import yaml

from caisson.deploy import ImagePin, PlatformSocket, Publish, SidecarAesmd, Volume, compose_project
from caisson.errors import UsageError
from caisson.oci import Digest

AESMD = ImagePin(repository="r/aesmd", digest=Digest.parse("sha256:" + "cd" * 32))
SIDECAR = SidecarAesmd(image=AESMD, pccs_url="https://pccs:8081/")


def project(deployment):
    return yaml.safe_load(compose_project(deployment)[0].text)


def test_every_service_is_locked_down(sgx):
    for name, service in project(sgx(evidence=SIDECAR))["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "@sha256:" in service["image"], name
        assert "privileged" not in service, name


def test_only_whoever_runs_aesmd_gets_the_provision_device(sgx):
    services = project(sgx(evidence=SIDECAR))["services"]
    having = {name for name, service in services.items() if any("provision" in d for d in service.get("devices", ()))}
    assert having == {"aesmd"}


def test_without_sgx_there_is_no_device(make):
    assert "devices" not in project(make())["services"]["redis"]


def test_what_compose_would_put_a_variable_into_is_escaped(make):
    deployment = make(key_server="https://keys/${HOME}", evidence=PlatformSocket(path="/a$b"))
    service = project(deployment)["services"]["redis"]
    assert service["environment"]["CAISSON_KEY_SERVER"] == "https://keys/$${HOME}"
    assert service["volumes"][0]["source"] == "/a$$b"


def test_the_program_starts_after_its_aesmd(sgx):
    services = project(sgx(evidence=SIDECAR))["services"]
    assert services["redis"]["depends_on"] == {"aesmd": {"condition": "service_healthy"}}
    assert services["redis"]["volumes"][0]["source"] == "aesmd"


def test_what_aesmd_reads_is_written_beside_the_project(sgx):
    names = [file.name for file in compose_project(sgx(evidence=SIDECAR))]
    assert names == ["compose.yaml", "sgx_default_qcnl.conf", "aesmd.conf"]


def test_an_aesmd_that_knows_no_place_or_two_is_refused():
    with pytest.raises(UsageError, match="one place"):
        SidecarAesmd(image=AESMD)
    with pytest.raises(UsageError, match="one place"):
        SidecarAesmd(image=AESMD, pccs_url="https://pccs", pccs_image=AESMD)


def test_a_service_of_ours_is_not_overwritten(sgx):
    with pytest.raises(UsageError, match="`aesmd` is the name"):
        compose_project(sgx(name="aesmd", evidence=SIDECAR))


def test_replicas_keep_their_own_data(make):
    services = project(make(replicas=2))["services"]
    assert set(services) == {"redis-1", "redis-2"}
    sources = [volume["source"] for service in services.values() for volume in service["volumes"][1:]]
    assert len(set(sources)) == 4


def test_two_containers_cannot_be_one_port(make):
    with pytest.raises(UsageError, match="cannot all be port 5"):
        compose_project(make(replicas=2, publish=(Publish(container_port=1, host_port=5),)))


def test_nothing_of_the_deployer_gets_into_a_path_of_the_image(make):
    path = "/x${AWS_SECRET_ACCESS_KEY}"
    document = project(make(image_changes={"tmpfs": (path,), "volumes": (path,)}))
    escaped = "$${AWS_SECRET_ACCESS_KEY}"
    service = document["services"]["redis"]
    assert service["tmpfs"][0].startswith(f"/x{escaped}:")
    assert service["volumes"][-1]["target"] == f"/x{escaped}"
    name = "caisson_redis_x.24.7bAWS.5fSECRET.5fACCESS.5fKEY.7d"
    assert document["volumes"] == {name: {"name": name}}


@pytest.mark.parametrize("name", ["aesmd", "pccs"])
def test_no_data_is_kept_in_a_volume_of_aesmd(sgx, name):
    evidence = SidecarAesmd(image=AESMD, pccs_image=AESMD)
    with pytest.raises(UsageError, match=f"`{name}` is the name of a volume of ours"):
        project(sgx(evidence=evidence, volumes=(Volume(path="/data", name=name),)))
