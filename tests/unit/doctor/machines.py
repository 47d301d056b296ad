"""Machines that were really seen, and servers with SGX made of the registers of such."""

import json
import struct
from dataclasses import replace
from pathlib import Path

from caisson.doctor.readings import (
    Aesmd,
    AesmdConfiguration,
    Certificates,
    CpuInfo,
    Device,
    DevicePlugin,
    Disk,
    Docker,
    Firmware,
    Image,
    Kernel,
    KeyFile,
    Kubernetes,
    KubernetesNode,
    Leaf,
    Limits,
    Memory,
    Podman,
    QuoteProvider,
    Readings,
    Sight,
    Swarm,
    SwarmNode,
    Workshop,
    read_readings,
)

HERE = Path(__file__).parent
RECORDED = sorted((HERE / "readings").glob("*.json"))
CPUS = sorted((HERE / "cpus").glob("*.json"))
GIB = 1 << 30
CLOCK = 1_795_600_000
DAY = 86_400
INTEL = "GenuineIntel"
PCCS = "https://pccs.example:8081/sgx/certification/v4"


def recorded(name: str) -> Readings:
    """Give what was seen on a machine of ours."""
    document = json.loads((HERE / "readings" / f"{name}.json").read_text())
    assert document["source"]
    return read_readings(json.dumps(document["readings"]).encode())


def leaves(name: str) -> tuple[Leaf, ...]:
    """Give the registers in a public report, with the maker's name, which such reports leave out, in leaf 0."""
    document = json.loads((HERE / "cpus" / f"{name}.json").read_text())
    assert document["source"]
    words = struct.unpack("<III", INTEL.encode())
    first = Leaf(leaf=0, subleaf=0, eax=0x1B, ebx=words[0], edx=words[1], ecx=words[2])
    return (first, *(Leaf(**each) for each in document["leaves"]))


def device(path: str, **changes) -> Device:
    """Give a device as udev makes it for SGX."""
    return replace(Device(path=path, kind="character", mode=0o660, uid=0, gid=988, opened=True), **changes)


def sight(cpu: str = "xeon-gold-5315y", **enclave) -> Sight:
    """Give what root sees on a server with SGX."""
    devices = (device("/dev/sgx_enclave", **enclave), device("/dev/sgx_provision", gid=989))
    return Sight(uid=0, gid=0, groups=(), leaves=leaves(cpu), devices=devices)


def inside(**enclave) -> Sight:
    """Give what a container sees that was given the device and its group."""
    return Sight(uid=1000, gid=1000, groups=(988,), leaves=(), devices=(device("/dev/sgx_enclave", **enclave),))


def node(**changes) -> KubernetesNode:
    """Give a node whose devices Intel's plugin registered."""
    resources = {"sgx.intel.com/enclave": 110, "sgx.intel.com/provision": 110, "sgx.intel.com/epc": 60 * GIB}
    found = KubernetesNode(name="sgx-1", ready=True, architecture="amd64", kernel="6.1.0", resources=resources)
    return replace(found, **changes)


def server() -> Readings:
    """Give a server on which all is well: CPU registers as reported of a Xeon Gold 5315Y, the rest by documentation."""
    return Readings(
        caisson="0",
        clock=CLOCK,
        sight=sight(),
        cpu=CpuInfo(vendor=INTEL, model="Intel(R) Xeon(R) Gold 5315Y CPU @ 3.20GHz", flags=("sgx", "sgx_lc")),
        pages=65144 << 20,
        firmware=Firmware(feature_control=0x60005),
        kernel=Kernel(release="6.1.0-37-amd64"),
        limits=Limits(open_files=1 << 20, memory_areas=65530, overcommit=0),
        memory=Memory(total=256 * GIB, swap=0),
        disks=(Disk(path="/tmp", purpose="temporary files", free=100 * GIB),),
        inside=inside(),
        aesmd=Aesmd(socket="/var/run/aesmd/aesm.socket", error=0),
        aesmd_configuration=AesmdConfiguration(path="/etc/aesmd.conf", quoting_type="ecdsa_256"),
        quote_provider=QuoteProvider(path="/etc/sgx_default_qcnl.conf", pccs_url=PCCS),
        certificates=Certificates(
            url=PCCS, reached="", revocation="", identity="", root_expiry=CLOCK + 200 * DAY, clock=CLOCK
        ),
        docker=Docker(
            version="28.2.2",
            local=True,
            security=("name=seccomp,profile=builtin", "name=cgroupns"),
            default_runtime="caisson-sgx",
            program="/usr/local/libexec/caisson/caisson-sgx-runc",
            installed=True,
            cgroups="2",
            swarm="active",
            manager=True,
            resources={"SGX_EPC": 65145},
        ),
        podman=Podman(version="5.4.2", rootless=False, runtime="crun", cgroups="v2"),
        swarm=Swarm(nodes=(SwarmNode(name="sgx-1", ready=True, resources={"SGX_EPC": 65145}),)),
        kubernetes=Kubernetes(
            version="v1.33.1",
            nodes=(node(),),
            plugins=(DevicePlugin(name="intel-sgx-plugin", wanted=1, ready=1),),
            webhooks=("inteldeviceplugins-mutating-webhook-configuration",),
        ),
        workshop=Workshop(missing=(), runtimes=("Gramine 1.9 (glibc)",)),
        key=KeyFile(path="/home/author/key.pem", exists=True, mode=0o600, bits=3072, exponent=3),
        image=Image(
            reference="oci:out:redis", runtime="gramine", signed=True, enclave_size=GIB, xfrm=0x3, misc_select=0
        ),
    )
