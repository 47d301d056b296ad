"""Every flavour of a deployment as it is written. To write the golden files anew, and review what changed:

python -m tests.unit.deploy.golden --regenerate
"""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from caisson.admission import Installation, installation_files
from caisson.deploy import (
    Deployment,
    File,
    HealthCheck,
    HostAesmd,
    ImagePin,
    KubernetesOptions,
    MeasuredImage,
    PlatformAddress,
    PlatformSocket,
    Publish,
    Resources,
    SgxDevices,
    SidecarAesmd,
    Volume,
    application,
    cdi_specification,
    compose_project,
    create_request,
    helm_chart,
    kubernetes_manifest,
    kustomize_base,
    run_script,
    stack,
    with_runtime,
)
from caisson.oci import Digest

GOLDEN = Path(__file__).parent / "golden"

IMAGE = MeasuredImage(
    pin=ImagePin(repository="registry.example/redis", digest=Digest.parse("sha256:" + "ab" * 32)),
    workload="redis",
    runtime="native",
    uid=101,
    gid=102,
    tmpfs=("/run/caisson", "/tmp"),
    volumes=("/a/b", "/data"),
    ports=(6379,),
    enclave_size=1 << 30,
    health=HealthCheck(command=("/bin/check", "it's $HOME"), interval=10, timeout=5, start_period=30, retries=3),
)
SOFTWARE = Deployment(
    image=IMAGE,
    name="redis",
    key_server="https://keys.example:8443",
    evidence=PlatformSocket(path="/srv/platform.sock"),
    publish=(Publish(container_port=6379, host_port=16379),),
)
SGX = Deployment(
    image=replace(IMAGE, runtime="gramine", volumes=()),
    name="redis",
    key_server="https://keys.example:8443/$x",
    workload="other",
    evidence=HostAesmd(),
    publish=(Publish(container_port=6379, host_port=6379),),
    resources=Resources(memory=512 << 20, cpus=1.5),
    networks=("backend",),
)
PORT_ANY = (Publish(container_port=6379),)
AESMD = ImagePin(repository="registry.example/aesmd", digest=Digest.parse("sha256:" + "cd" * 32))
PCCS = ImagePin(repository="registry.example/pccs", digest=Digest.parse("sha256:" + "ef" * 32))
SIDECAR = replace(SGX, evidence=SidecarAesmd(image=AESMD, pccs_url="https://pccs.example:8081/sgx/certification/v4/"))

POD = replace(SOFTWARE, publish=())
SGX_POD = replace(SGX, publish=(Publish(container_port=6379, host_port=30379),), networks=())
PLUGIN = KubernetesOptions(flavour="intel-plain")
CAISSON = ImagePin(repository="registry.example/caisson", digest=Digest.parse("sha256:" + "01" * 32))


def kubernetes() -> dict[str, tuple[Deployment, KubernetesOptions]]:
    """Give a deployment for every flavour of Kubernetes."""
    sidecar = replace(SGX_POD, evidence=SIDECAR.evidence, devices=SgxDevices(group=988), publish=())
    return {
        "nodevice": (POD, KubernetesOptions(flavour="nodevice", platform_image=CAISSON)),
        "nodevice-address": (
            replace(
                POD, evidence=PlatformAddress(host="10.0.0.1", port=9000), volumes=(Volume(path="/data", name="mine"),)
            ),
            KubernetesOptions(flavour="nodevice", egress=(5432,), storage=5 << 30),
        ),
        "intel-plain": (SGX_POD, PLUGIN),
        "intel-plain-volumes": (replace(SGX_POD, image=replace(SGX.image, volumes=("/data",)), replicas=3), PLUGIN),
        "intel-webhook": (replace(SGX_POD, replicas=2), KubernetesOptions(flavour="intel-webhook")),
        "aks": (SGX_POD, KubernetesOptions(flavour="aks")),
        "sidecar": (sidecar, KubernetesOptions(flavour="sidecar")),
    }


def flavours() -> dict[str, tuple[File, ...]]:
    """Give the files of every flavour, by its name."""
    everywhere = replace(SOFTWARE, publish=(Publish(container_port=6379, host_port=6379, host_address="0.0.0.0"),))
    return {
        "run-platform": run_script(SOFTWARE),
        "run-podman": run_script(everywhere, engine="podman"),
        "run-replicas": run_script(replace(SOFTWARE, replicas=2, publish=PORT_ANY)),
        "run-sgx": run_script(SGX),
        "run-podman-cdi": run_script(replace(SGX, devices=SgxDevices(cdi=True)), engine="podman"),
        "engine-request": (json_file("request.json", create_request(application(SGX))),),
        "compose-platform": compose_project(replace(SOFTWARE, volumes=(Volume(path="/data", name="mine"),))),
        "compose-replicas": compose_project(replace(SOFTWARE, replicas=2, publish=PORT_ANY)),
        "compose-sgx": compose_project(SGX),
        "compose-sgx-group": compose_project(replace(SGX, devices=SgxDevices(enclave="/dev/sgx/enclave", group=988))),
        "compose-aesmd": compose_project(SIDECAR),
        "compose-pccs": compose_project(replace(SGX, evidence=SidecarAesmd(image=AESMD, pccs_image=PCCS))),
        "swarm-platform": stack(
            replace(SOFTWARE, evidence=PlatformAddress(host="10.0.0.1", port=9000)), constraints=("node.role==worker",)
        ),
        "swarm-per-node": stack(replace(SOFTWARE, replicas=2), volume_per_node=True),
        "swarm-sgx": stack(replace(SGX, replicas=3)),
        **{f"kubernetes-{name}": kubernetes_manifest(*each) for name, each in kubernetes().items()},
        "kustomize": kustomize_base(SGX_POD, PLUGIN),
        "helm": helm_chart(SGX_POD, PLUGIN),
        "helm-one": helm_chart(*kubernetes()["nodevice-address"]),
        "helm-sidecar": helm_chart(*kubernetes()["sidecar"]),
        "webhook": installation_files(
            Installation(
                namespace="caisson-system",
                policy="version = 1\n",
                arguments=("--flavour", "aks", "--key-server", "https://keys.example:8443"),
                image=CAISSON,
            )
        ),
        "webhook-private-registry": installation_files(
            Installation(
                namespace="caisson-system",
                policy="version = 1\n",
                image=CAISSON,
                tls_ca="-----BEGIN CERTIFICATE-----\n",
                registry_secret="registry",
            )
        ),
        "webhook-outside": installation_files(
            Installation(namespace="caisson-system", policy="version = 1\n", url="https://10.0.0.1:9443")
        ),
        "cdi": cdi_specification(SgxDevices()),
        "cdi-group": cdi_specification(SgxDevices(enclave="/dev/sgx/enclave", group=988)),
        "node-swarm": (File(name="daemon.json", text=node_configuration()),),
    }


def node_configuration() -> str:
    """Configure Docker on a node that had a configuration already."""
    foreign = {
        "log-driver": "local",
        "runtimes": {"crun": {"path": "/usr/bin/crun"}},
        "node-generic-resources": ["A=1"],
    }
    return with_runtime(json.dumps(foreign).encode(), program="/opt/caisson-sgx-runc", epc_mib=128).decode()


def json_file(name: str, document: object) -> File:
    """Give a document as a file."""
    return File(name=name, text=json.dumps(document, indent=2) + "\n")


def regenerate() -> None:
    """Write all golden files anew."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for flavour, files in flavours().items():
        directory = GOLDEN / flavour
        directory.mkdir(parents=True)
        for file in files:
            (directory / file.name).parent.mkdir(exist_ok=True)
            (directory / file.name).write_text(file.text)


if __name__ == "__main__":
    if sys.argv[1:] != ["--regenerate"]:
        sys.exit(__doc__)
    regenerate()
