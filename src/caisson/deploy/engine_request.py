"""A container in the words of the Docker Engine API, 1.41 (https://docs.docker.com/reference/api/engine/)."""

from typing import Any

from caisson.deploy.companion import BESIDE_LABEL, Companion
from caisson.deploy.container import Container
from caisson.deploy.published import LOOPBACK


def create_request(container: Container, *, companion: Companion | None = None) -> dict[str, Any]:
    """Give the body of `POST /containers/create`. Of a host path that is missing the engine then makes no directory.

    Of several networks it takes only the first: the API joins one (before 1.44). A companion has its alias there.
    """
    ports: dict[str, list[dict[str, str]]] = {}
    for port in container.publish:
        binding = {"HostIp": port.host_address or LOOPBACK, "HostPort": str(port.host_port)}
        ports.setdefault(f"{port.container_port}/tcp", []).append(binding)
    host: dict[str, Any] = {
        "Mounts": [
            {"Type": mount.kind, "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}
            for mount in container.mounts
        ],
        "Tmpfs": dict.fromkeys(container.tmpfs, container.tmpfs_options),
        "PortBindings": ports,
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
        "RestartPolicy": {"Name": container.restart},
        "Devices": [
            {"PathOnHost": device.source, "PathInContainer": device.target, "CgroupPermissions": "rw"}
            for device in container.devices
            if device.cdi is None
        ],
    }
    if container.direct:
        host["SecurityOpt"].append("seccomp=unconfined")
    if named := [device.cdi for device in container.devices if device.cdi is not None]:
        host["DeviceRequests"] = [{"Driver": "cdi", "DeviceIDs": named}]
    if container.devices and container.device_group is not None:
        host["GroupAdd"] = [str(container.device_group)]
    if container.networks:
        host["NetworkMode"] = container.networks[0]
    if container.resources.memory is not None:
        host["Memory"] = container.resources.memory
    if container.resources.cpus is not None:
        host["NanoCpus"] = round(container.resources.cpus * 1_000_000_000)
    request: dict[str, Any] = {
        "Image": container.image,
        **({"Entrypoint": list(container.direct)} if container.direct else {}),
        "User": f"{container.uid}:{container.gid}",
        "Env": [f"{name}={value}" for name, value in container.environment],
        "Labels": dict(container.labels),
        "ExposedPorts": {name: {} for name in ports},
        "HostConfig": host,
    }
    if companion is not None:
        request["Labels"][BESIDE_LABEL] = companion.of
        aliases = {"Aliases": [companion.alias]}
        request["NetworkingConfig"] = {"EndpointsConfig": dict.fromkeys(container.networks[:1], aliases)}
    return request
