"""A deployment as a Docker Swarm stack (Compose file format 3.8), with nothing in it that Swarm would drop."""

from typing import Any

from caisson.deploy import yaml
from caisson.deploy.application import application
from caisson.deploy.container import Container
from caisson.deploy.deployment import Deployment, Publish, SgxDevices
from caisson.deploy.evidence import SidecarAesmd
from caisson.deploy.files import File
from caisson.deploy.interpolation import literal
from caisson.deploy.service import health_check, volumes
from caisson.deploy.volume import SLOT, escaped
from caisson.errors import UsageError

EPC_RESOURCE = "SGX_EPC"  # in MiB
_MIB = 1 << 20
_ORDER = "stop-first"  # a second task in the same slot would need its memory, port and page cache


def stack(
    deployment: Deployment, *, constraints: tuple[str, ...] = (), volume_per_node: bool = False
) -> tuple[File, ...]:
    """Give `stack.yaml`.

    SGX devices come by a generic resource that `caisson node setup swarm` gives nodes. Ports are each node's own
    (`mode: host`), and the name of the service leads to its tasks, without a virtual address.

    Raises:
        UsageError: something that a stack cannot say, and Swarm would ignore.
    """
    _require_sayable(deployment)
    if deployment.image.volumes and not (constraints or volume_per_node):
        raise UsageError(
            f"the volume of `{deployment.image.volumes[0]}` stays on the node where it was made, and tasks move",
            hint="keep the task there (`--constraint node.hostname==NAME`), or let each node keep its own data "
            "(`--volume-per-node`)",
        )
    # Two tasks of one node must not share data; where each node keeps one task's, it is the node's.
    container = application(deployment, name=deployment.name if volume_per_node else f"{deployment.name}-{SLOT}")
    declared = _memory(container) | {
        mount.source: {"name": mount.source} for mount in container.mounts if mount.kind == "volume"
    }
    document: dict[str, Any] = {
        "version": "3.8",
        "services": {deployment.name: _service(deployment, container, constraints, volume_per_node=volume_per_node)},
    }
    if declared:
        document["volumes"] = {_key(name): literal(value) for name, value in declared.items()}
    if deployment.networks:
        document["networks"] = {name: {"external": True, "name": name} for name in deployment.networks}
    comment = (
        "Made by `caisson deploy swarm`. Deploy it with: docker stack deploy --compose-file stack.yaml "
        f"{deployment.name}"
    )
    return (File(name="stack.yaml", text=yaml.encode(document, comment=comment)),)


def epc_units(deployment: Deployment) -> int:
    """Give how much of a node's enclave page cache one task reserves, in MiB, rounded up.

    Raises:
        UsageError: the enclave's size is not known.
    """
    size = deployment.image.enclave_size
    if size is None:
        raise UsageError("the size of the enclave is not known", hint="read the image's manifest")
    return -(-size // _MIB)


def _require_sayable(deployment: Deployment) -> None:
    if isinstance(deployment.evidence, SidecarAesmd):
        raise UsageError(
            "a stack can give no service `/dev/sgx_provision`, so it can run no aesmd",
            hint="run aesmd as a service of each node, and say `--aesmd`",
        )
    for port in deployment.publish:
        if port.host_address is not None:
            raise UsageError(
                f"Swarm publishes port {port.container_port} on all addresses of a node, not on {port.host_address}",
                hint="leave the address out, and shut the others with the node's firewall",
            )
    if deployment.devices != SgxDevices():
        raise UsageError(
            "a stack cannot name devices or their groups, each node's runtime adds them",
            hint="say it on the node: `caisson node setup swarm --device PATH`",
        )
    if deployment.restart != "unless-stopped":
        raise UsageError(f"a stack has no restart policy `{deployment.restart}`")


def _service(
    deployment: Deployment, container: Container, constraints: tuple[str, ...], *, volume_per_node: bool
) -> dict[str, Any]:
    memory = [
        {"type": "volume", "source": _key(_memory_name(container, path)), "target": path, "volume": {"nocopy": True}}
        for path in container.tmpfs
    ]
    mounts = [{**mount, "source": _key(mount["source"])} for mount in volumes(container)]
    service: dict[str, Any] = {
        "image": container.image,
        "user": f"{container.uid}:{container.gid}",
        "read_only": True,
        "cap_drop": ["ALL"],
        "ulimits": {"core": 0},
        "environment": literal(dict(container.environment)),
        "labels": literal(dict(container.labels)),
    }
    optional: dict[str, Any] = {
        "volumes": literal([*memory, *mounts]),
        "ports": [_port(port) for port in container.publish],
        "networks": list(container.networks),
        "healthcheck": literal(health_check(container.health)),
    }
    placement: dict[str, Any] = {"constraints": list(constraints)} if constraints else {}
    if volume_per_node:
        placement["max_replicas_per_node"] = 1
    deploy: dict[str, Any] = {
        "replicas": deployment.replicas,
        "endpoint_mode": "dnsrr",
        "restart_policy": {"condition": "any", "delay": "5s"},
        "update_config": {"parallelism": 1, "order": _ORDER, "monitor": "10s", "failure_action": "rollback"},
        "rollback_config": {"parallelism": 1, "order": _ORDER},
    }
    resources = _resources(deployment)
    deploy |= {name: value for name, value in (("resources", resources), ("placement", placement)) if value}
    return {**service, **{name: value for name, value in optional.items() if value}, "deploy": deploy}


def _memory(container: Container) -> dict[str, Any]:
    """Give each tmpfs as a volume: what a stack calls a tmpfs belongs to root, and the program is somebody else."""
    options = {"type": "tmpfs", "device": "tmpfs", "o": container.tmpfs_options}
    return {
        name: {"name": name, "driver": "local", "driver_opts": options}
        for name in (_memory_name(container, path) for path in container.tmpfs)
    }


def _memory_name(container: Container, path: str) -> str:
    slot = "" if SLOT in container.name else f"-{SLOT}"
    return f"caisson.{container.name}{slot}{escaped(path)}"  # which no volume with data is called


def _key(name: str) -> str:
    """Give what a volume is called within the file, where Swarm puts nothing in."""
    return name if name.startswith("/") else name.replace(SLOT, "slot")


def _resources(deployment: Deployment) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    limits: dict[str, str] = {}
    if deployment.resources.memory is not None:
        limits["memory"] = f"{deployment.resources.memory}b"
    if deployment.resources.cpus is not None:
        limits["cpus"] = f"{deployment.resources.cpus:g}"
    if limits:
        resources["limits"] = limits
    if deployment.uses_sgx:
        spec = {"discrete_resource_spec": {"kind": EPC_RESOURCE, "value": epc_units(deployment)}}
        resources["reservations"] = {"generic_resources": [spec]}
    return resources


def _port(port: Publish) -> dict[str, Any]:
    published = {"published": port.host_port} if port.host_port else {}
    return {"target": port.container_port, **published, "protocol": "tcp", "mode": "host"}
