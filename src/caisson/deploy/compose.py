"""A deployment as a Compose project (https://github.com/compose-spec/compose-spec), read by Compose 1.29 and later."""

from typing import Any

from caisson.addresses import bracketed
from caisson.deploy import yaml
from caisson.deploy.aesmd import AESMD_SERVICE, PCCS_SECRETS, PCCS_SERVICE, aesmd_files, aesmd_services
from caisson.deploy.application import application
from caisson.deploy.container import Container
from caisson.deploy.deployment import Deployment
from caisson.deploy.evidence import SidecarAesmd
from caisson.deploy.files import File
from caisson.deploy.interpolation import ask_for_group, literal
from caisson.deploy.published import LOOPBACK, require_free_ports
from caisson.deploy.service import health_check, volumes
from caisson.errors import UsageError


def compose_project(deployment: Deployment) -> tuple[File, ...]:
    """Give `compose.yaml`, and what an aesmd beside the program reads.

    Each replica is a service of its own, so that each keeps its own data. The group of the device is a variable
    unless it is given: Compose refuses to start without it.

    Raises:
        UsageError: one host port for several containers, or a name that is taken by a service of ours.
    """
    require_free_ports(deployment)
    services: dict[str, Any] = {}
    named: list[str] = []
    beside = isinstance(deployment.evidence, SidecarAesmd)
    if beside and deployment.name in (AESMD_SERVICE, PCCS_SERVICE):
        raise UsageError(f"`{deployment.name}` is the name of a service of ours", hint="choose another with `--name`")
    for name in deployment.replica_names():
        container = application(deployment, name=name)
        services[name] = _service(container, beside_aesmd=beside)
        named += [volume.name for volume in deployment.volumes_of(name)]
    document: dict[str, Any] = {"services": services}
    if beside and (ours := {AESMD_SERVICE, PCCS_SERVICE}.intersection(named)):
        raise UsageError(f"`{min(ours)}` is the name of a volume of ours", hint="choose another with `--volume`")
    declared: dict[str, Any] = {name: {"name": literal(name)} for name in named}
    if isinstance(deployment.evidence, SidecarAesmd):
        services |= aesmd_services(deployment.evidence, deployment.devices)
        # Memory: nothing is left of the socket when both are gone.
        declared[AESMD_SERVICE] = {"driver_opts": {"type": "tmpfs", "device": "tmpfs"}}
        if PCCS_SERVICE in services:
            declared[PCCS_SERVICE] = {}
            secrets = [f"{PCCS_SERVICE}-{name}" for name in PCCS_SECRETS]
            document["secrets"] = {name: {"file": f"./{name}"} for name in secrets}
    if declared:
        document["volumes"] = declared
    if deployment.networks:
        document["networks"] = {name: {"external": True, "name": name} for name in deployment.networks}
    comment = "Made by `caisson deploy compose`. Start it with: docker compose up --detach"
    return (File(name="compose.yaml", text=yaml.encode(document, comment=comment)), *aesmd_files(deployment.evidence))


def _service(container: Container, *, beside_aesmd: bool) -> dict[str, Any]:
    service: dict[str, Any] = {
        "image": container.image,
        "container_name": container.name,
        "user": f"{container.uid}:{container.gid}",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "ulimits": {"core": 0},
        "restart": container.restart,
        "environment": literal(dict(container.environment)),
        "labels": literal(dict(container.labels)),
    }
    optional: dict[str, Any] = {
        "depends_on": {AESMD_SERVICE: {"condition": "service_healthy"}} if beside_aesmd else None,
        "devices": [device.option for device in container.devices],
        "group_add": [_device_group(container)] if container.devices else None,
        "tmpfs": literal([f"{path}:{container.tmpfs_options}" for path in container.tmpfs]),
        "volumes": literal(volumes(container)),
        "ports": [_port(port.host_address, port.host_port, port.container_port) for port in container.publish],
        "networks": list(container.networks),
        "healthcheck": literal(health_check(container.health)),
        "mem_limit": container.resources.memory,
        "cpus": container.resources.cpus,
    }
    return service | {name: value for name, value in optional.items() if value}


def _device_group(container: Container) -> str:
    if container.device_group is not None:
        return str(container.device_group)
    return ask_for_group("CAISSON_SGX_GROUP", container.devices[0].source)


def _port(address: str | None, host: int, inside: int) -> str:
    return f"{bracketed(address or LOOPBACK)}:{host or ''}:{inside}"
