"""The program's container: what the measured image and the deployment ask for, and nothing else."""

from caisson.deploy.container import Container, Device, Mount
from caisson.deploy.deployment import Deployment
from caisson.deploy.evidence import AESMD_DIRECTORY, HostAesmd, PlatformAddress, PlatformSocket, SidecarAesmd

LABEL = "org.caisson.workload"
PLATFORM_SOCKET = "/run/caisson/platform.sock"
ENCLAVE_DEVICE = "/dev/sgx_enclave"
PROVISION_DEVICE = "/dev/sgx_provision"
CDI_KIND = "intel.com/sgx"
CDI_ENCLAVE = f"{CDI_KIND}=enclave"
AESMD_VOLUME = "aesmd"


def application(deployment: Deployment, *, name: str | None = None) -> Container:
    """Give the container of one replica; `name` is the replica's.

    It gets `/dev/sgx_enclave` and never `/dev/sgx_provision`; the key server's address, and no secret: those come
    after it has proved what it is.
    """
    image, own = deployment.image, name or deployment.name
    # In the `gramine` runtime these are memory of the enclave; what the host would mount there stays unseen.
    tmpfs = image.tmpfs if image.runtime == "native" else ()
    return Container(
        name=own,
        image=str(image.pin),
        uid=image.uid,
        gid=image.gid,
        environment=environment(deployment),
        mounts=(*_evidence(deployment), *(Mount(source=v.name, target=v.path) for v in deployment.volumes_of(own))),
        tmpfs=tmpfs,
        devices=_devices(deployment),
        device_group=deployment.devices.group,
        publish=deployment.publish,
        networks=deployment.networks,
        labels=((LABEL, deployment.workload_name),),
        resources=deployment.resources,
        health=image.health,
        restart=deployment.restart,
        direct=deployment.direct,
    )


def _devices(deployment: Deployment) -> tuple[Device, ...]:
    if not deployment.uses_sgx:
        return ()
    cdi = CDI_ENCLAVE if deployment.devices.cdi else None
    return (Device(source=deployment.devices.enclave, target=ENCLAVE_DEVICE, cdi=cdi),)


def environment(deployment: Deployment) -> tuple[tuple[str, str], ...]:
    """Give the variables that tell the guest agent whom to ask, sorted by name (docs/reference/premain.md)."""
    variables = {"CAISSON_KEY_SERVER": deployment.key_server}
    if deployment.workload is not None:
        variables["CAISSON_WORKLOAD"] = deployment.workload
    if isinstance(deployment.evidence, PlatformAddress):
        variables["CAISSON_PLATFORM"] = f"tcp:{deployment.evidence}"
    return tuple(sorted(variables.items()))


def _evidence(deployment: Deployment) -> tuple[Mount, ...]:
    match deployment.evidence:
        case PlatformSocket(path=path):
            return (Mount(source=path, target=PLATFORM_SOCKET),)
        case HostAesmd(directory=directory):
            return (Mount(source=directory, target=AESMD_DIRECTORY),)
        case SidecarAesmd():
            return (Mount(source=AESMD_VOLUME, target=AESMD_DIRECTORY),)
        case PlatformAddress():
            return ()
