"""For each check, by its id: what is changed in the good server so that it fails, and so that it cannot be seen."""

from dataclasses import dataclass, field, replace
from typing import Any

from caisson.doctor.readings import (
    Aesmd,
    CpuInfo,
    Device,
    DevicePlugin,
    Disk,
    Firmware,
    Kernel,
    KeyFile,
    Limits,
    Memory,
    Readings,
    SwarmNode,
    Unread,
)
from tests.unit.doctor.machines import CLOCK, DAY, GIB, device, inside, node, recorded, server, sight

BLIND = Unread(unread="permission denied")
GOOD = server()


@dataclass(frozen=True)
class Story:
    """Changes of readings: `bad` ones end in a failure or a warning, `blind` ones in an unknown."""

    bad: dict[str, dict[str, Any]]
    blind: dict[str, dict[str, Any]]
    good: dict[str, dict[str, Any]] = field(default_factory=dict)


def change(changes: dict[str, Any]) -> Readings:
    return replace(GOOD, **changes)


def cpu(name: str) -> dict[str, Any]:
    return {"sight": sight(name)}


def without(leaf: int, subleaf: int = 0, **bits: int) -> dict[str, Any]:
    """Take bits out of a leaf's registers."""
    seen = sight()
    leaves = tuple(
        replace(each, **{name: getattr(each, name) & ~value for name, value in bits.items()})
        if (each.leaf, each.subleaf) == (leaf, subleaf)
        else each
        for each in seen.leaves
    )
    return {"sight": replace(seen, leaves=leaves)}


def on(name: str, **changes: Any) -> dict[str, Any]:
    """Change a part of one reading."""
    return {name: replace(getattr(GOOD, name), **changes)}


def enclave(**changes: Any) -> dict[str, Any]:
    return {"sight": sight(**changes)}


def provision(**changes: Any) -> dict[str, Any]:
    seen = sight()
    return {"sight": replace(seen, devices=(seen.devices[0], device("/dev/sgx_provision", **changes)))}


def provider(**changes: Any) -> dict[str, Any]:
    return on("quote_provider", **changes)


HERE = recorded("virtual-machine-without-sgx")
NO_EYES = {"sight": BLIND, "cpu": CpuInfo(vendor="", model="", flags=()), "pages": BLIND}
NO_LEAVES = {"sight": replace(sight(), leaves=()), "cpu": BLIND, "pages": BLIND}
NO_DEVICE = {"kind": "absent", "opened": False}
HIDDEN = {"kind": "hidden", "opened": False, "refusal": "permission denied"}

STORIES = {
    "D01": Story(
        bad={"AMD": {"sight": HERE.sight}, "no bit": without(7, ebx=4)},
        blind={"no eyes": NO_EYES, "no registers": NO_LEAVES},
        good={"the kernel's flags": {"sight": BLIND}, "a guest": cpu("alibaba-guest")},
    ),
    "D02": Story(
        bad={"firmware off": cpu("firmware-off")},
        blind={"no eyes": NO_EYES},
        good={"SGX1 only": cpu("xeon-e-2276g"), "a guest": cpu("alibaba-guest")},
    ),
    "D03": Story(
        bad={"SGX1 only": cpu("xeon-e-2276g")}, blind={"no eyes": NO_EYES}, good={"a guest": cpu("alibaba-guest")}
    ),
    "D04": Story(
        bad={"none": cpu("no-launch-control")}, blind={"no eyes": NO_EYES}, good={"a Xeon E": cpu("xeon-e-2276g")}
    ),
    "D05": Story(bad={"no bit": without(7, ebx=1)}, blind={"no eyes": NO_EYES}),
    "D06": Story(
        bad={
            "none": without(0x12, 2, eax=0xF),
            "93 MiB": cpu("xeon-e-2276g"),
            "the kernel says 0": {"sight": BLIND, "pages": 0},
        },
        blind={"no eyes": NO_EYES},
        good={"the kernel says": {"sight": BLIND}, "two sections": cpu("two-sections")},
    ),
    "D07": Story(
        bad={
            "not locked": {"firmware": Firmware(feature_control=0)},
            "SGX off": {"firmware": Firmware(feature_control=0x20005)},
            "launch control off": {"firmware": Firmware(feature_control=0x40005)},
        },
        blind={"not root": {"firmware": BLIND}},
    ),
    "D08": Story(
        bad={
            "5.10": {"kernel": Kernel(release="5.10.0-30-amd64")},
            "4.18 of RHEL": {"kernel": Kernel(release="4.18.0-553.el8_10.x86_64")},
            "nosgx": {"kernel": Kernel(release="6.1.0", words=("nosgx",))},
        },
        blind={"no release": {"kernel": Kernel(release="unknown")}},
        good={"5.11": {"kernel": Kernel(release="5.11")}, "10.0": {"kernel": Kernel(release="10.0.1")}},
    ),
    "D10": Story(
        bad={
            "absent": enclave(**NO_DEVICE),
            "a file": enclave(kind="other", opened=False),
            "a driver of old": enclave(**NO_DEVICE) | {"legacy": (Device(path="/dev/isgx", kind="other"),)},
        },
        blind={"no eyes": {"sight": BLIND}, "hidden": enclave(**HIDDEN), "not asked": on("sight", devices=())},
    ),
    "D11": Story(
        bad={
            "root's only": enclave(mode=0o600),
            "root's group": enclave(gid=0),
            "this user may not": enclave(opened=False, refusal="permission denied"),
        },
        blind={"no eyes": {"sight": BLIND}, "no device": enclave(**NO_DEVICE)},
        good={"everybody": enclave(mode=0o666, gid=0)},
    ),
    "D12": Story(bad={"noexec": enclave(no_exec=True)}, blind={"hidden": enclave(**HIDDEN)}),
    "D13": Story(
        bad={
            "absent": {"inside": inside(**NO_DEVICE)},
            "wrong group": {"inside": inside(gid=123, opened=False, refusal="permission denied")},
            "root's only": {"inside": inside(mode=0o600, opened=False, refusal="permission denied")},
            "security module": {"inside": inside(opened=False, refusal="permission denied")},
            "driver": {"inside": inside(opened=False, refusal="no such device or address")},
            "device filter": {"inside": inside(opened=False, refusal="operation not permitted")},
            "noexec": {"inside": inside(no_exec=True)},
        },
        blind={"no container": {"inside": BLIND}, "hidden": {"inside": inside(**HIDDEN)}},
        good={"as recorded": {"inside": recorded("swarm-manager-with-stand-in").inside}},
    ),
    "D14": Story(
        bad={"absent": provision(**NO_DEVICE), "everybody's": provision(mode=0o666)},
        blind={"hidden": provision(**HIDDEN)},
    ),
    "D20": Story(
        bad={
            "as recorded": {"aesmd": HERE.aesmd},
            "shut": {"aesmd": Aesmd(socket=None, error=None, refusal="`/x`: permission denied")},
        },
        blind={"no eyes": {"aesmd": BLIND}},
    ),
    "D21": Story(
        bad={f"error {code}": on("aesmd", error=code) for code in (1, 12, 24, 29, 30, 31, 38, 42, 44, 99)}
        | {"no answer": on("aesmd", error=None, refusal="timed out")},
        blind={"no eyes": {"aesmd": BLIND}},
    ),
    "D22": Story(
        bad={
            "says nothing": on("aesmd_configuration", quoting_type=None),
            "EPID": on("aesmd_configuration", quoting_type="epid_linkable"),
        },
        blind={"as recorded": {"aesmd_configuration": HERE.aesmd_configuration}},
    ),
    "D23": Story(
        bad={
            "as recorded": {"quote_provider": HERE.quote_provider},
            "version 3": provider(pccs_url="https://localhost:8081/sgx/certification/v3/"),
            "collateral of version 3": provider(
                collateral_url="https://api.trustedservices.intel.com/sgx/certification/v3/"
            ),
            "insecure": provider(secure=False),
            "only what is there": provider(local_only=True),
            "no address": provider(pccs_url=None, problem="it has no `pccs_url`"),
        },
        blind={"shut": {"quote_provider": BLIND}},
    ),
    "D24": Story(
        bad={
            "no way": on("certificates", reached="the PCCS does not answer"),
            "no list": on("certificates", revocation="the PCCS answers `pckcrl` with status 502"),
            "no identity": on("certificates", identity="the PCCS answers `qe/identity` with status 404"),
        },
        blind={"not asked": {"certificates": BLIND}},
    ),
    "D25": Story(
        bad={
            "ran out": on("certificates", root_expiry=CLOCK - DAY),
            "runs out": on("certificates", root_expiry=CLOCK + DAY),
            "clock ahead": on("certificates", clock=CLOCK - 301),
            "clock behind": on("certificates", clock=CLOCK + 301),
        },
        blind={
            "not asked": {"certificates": BLIND},
            "no clock": on("certificates", clock=None),
            "no list": on("certificates", root_expiry=None),
        },
        good={"nearly the same clock": on("certificates", clock=CLOCK - 300)},
    ),
    "D30": Story(
        bad={
            "none": {"docker": BLIND, "podman": None},
            "only Podman": {"docker": BLIND},
            "too old": on("docker", version="19.03.15"),
            "elsewhere": on("docker", local=False),
        },
        blind={"version": on("docker", version="dev")},
    ),
    "D31": Story(
        bad={
            "no seccomp": on("docker", security=("name=apparmor",)),
            "mapped users": on("docker", security=("name=seccomp,profile=default", "name=userns")),
            "rootless": on("docker", security=("name=seccomp,profile=builtin", "name=rootless")),
        },
        blind={"no Docker": {"docker": BLIND}},
        good={"as recorded": {"docker": recorded("swarm-manager-with-stand-in").docker}},
    ),
    "D32": Story(
        bad={"too old": on("podman", version="3.4.4"), "rootless": on("podman", rootless=True)},
        blind={"fails": {"podman": BLIND}},
        good={"as recorded": {"podman": HERE.podman}},
    ),
    "D40": Story(
        bad={
            "too little for the image": {"memory": Memory(total=GIB, swap=0)} | on("image", enclave_size=128 * GIB),
            "little": {"memory": Memory(total=GIB, swap=0), "image": None},
        },
        blind={"no eyes": {"memory": BLIND}},
        good={
            "no image": {"image": None},
            "most of it is page cache": {"memory": Memory(total=GIB, swap=0)} | on("image", enclave_size=64 * GIB),
            "as recorded": {"memory": HERE.memory},
        },
    ),
    "D41": Story(
        bad={
            "few files": {"limits": Limits(open_files=512, memory_areas=65530, overcommit=0)},
            "few areas": {"limits": Limits(open_files=4096, memory_areas=4096, overcommit=0)},
            "no overcommit": {"limits": Limits(open_files=4096, memory_areas=65530, overcommit=2)},
        },
        blind={"no eyes": {"limits": BLIND}},
        good={"as recorded": {"limits": HERE.limits}},
    ),
    "D42": Story(
        bad={
            "little": {"disks": (*GOOD.disks, Disk(path="/home", purpose="Caisson's own", free=GIB - 1))},
            "tight": {"disks": (Disk(path="/tmp", purpose="temporary files", free=2 * GIB),)},
        },
        blind={"no eyes": {"disks": ()}},
    ),
    "D50": Story(
        bad={"not built": on("workshop", missing=("premain",))},
        blind={"shut": {"workshop": BLIND}},
        good={"as recorded": {"workshop": HERE.workshop}},
    ),
    "D51": Story(bad={"as recorded": {"workshop": HERE.workshop}}, blind={"shut": {"workshop": BLIND}}),
    "D52": Story(
        bad={
            "none": {"key": KeyFile(path="/key.pem", exists=False)},
            "exponent 65537": on("key", exponent=65537),
            "2048 bits": on("key", bits=2048),
            "no key": on("key", bits=None, exponent=None, problem="key is not a private key in PEM"),
        },
        blind={"shut": {"key": BLIND}, "encrypted": on("key", encrypted=True, bits=None, exponent=None)},
    ),
    "D53": Story(
        bad={
            "everybody's": on("key", mode=0o644),
            "a group's": on("key", mode=0o640),
            "encrypted": on("key", mode=0o644, encrypted=True),
            "somebody else's": on("key", owned=False),
        },
        blind={"shut": {"key": BLIND}},
    ),
    "D60": Story(
        bad={"none": on("docker", swarm="inactive", manager=False), "locked": on("docker", swarm="locked")},
        blind={"no Docker": {"docker": BLIND}},
        good={"a worker": on("docker", manager=False)},
    ),
    "D61": Story(
        bad={
            "not started anew": on("docker", default_runtime="runc", configured="caisson-sgx"),
            "runc": on("docker", default_runtime="runc"),
            "gone": on("docker", installed=False),
        },
        blind={"no Docker": {"docker": BLIND}, "elsewhere": on("docker", installed=None)},
    ),
    "D62": Story(
        bad={
            "nobody": on("swarm", nodes=(SwarmNode(name="a", ready=True, resources={}),)),
            "not ready": on("swarm", nodes=(SwarmNode(name="a", ready=False, resources={"SGX_EPC": 9}),)),
            "a worker without": {"swarm": None} | on("docker", resources={}, manager=False),
        },
        blind={"no Docker": {"docker": BLIND}, "not told": {"swarm": BLIND} | on("docker", resources={})},
        good={
            "a worker": {"swarm": None} | on("docker", manager=False),
            "as recorded": {"swarm": recorded("swarm-manager-with-stand-in").swarm},
        },
    ),
    "D70": Story(
        bad={"too old": on("kubernetes", version="v1.19.16, v1.33.1")},
        blind={"as recorded": {"kubernetes": HERE.kubernetes}},
    ),
    "D71": Story(
        bad={
            "none": on("kubernetes", nodes=()),
            "not ready": on("kubernetes", nodes=(node(ready=False),)),
            "arm64": on("kubernetes", nodes=(node(architecture="arm64"),)),
        },
        blind={"as recorded": {"kubernetes": HERE.kubernetes}},
    ),
    "D72": Story(
        bad={
            "as recorded": {"kubernetes": recorded("kubernetes-without-plugin").kubernetes},
            "not ready": on("kubernetes", plugins=(DevicePlugin(name="intel-sgx-plugin", wanted=2, ready=1),)),
            "nowhere": on(
                "kubernetes",
                nodes=(node(resources={}),),
                plugins=(DevicePlugin(name="intel-sgx-plugin", wanted=0, ready=0),),
            ),
        },
        blind={"as recorded": {"kubernetes": HERE.kubernetes}},
        good={"not a DaemonSet": on("kubernetes", plugins=())},
    ),
    "D73": Story(
        bad={"as recorded": {"kubernetes": recorded("kubernetes-without-plugin").kubernetes}},
        blind={"as recorded": {"kubernetes": HERE.kubernetes}},
        good={"AKS of old": on("kubernetes", nodes=(node(resources={"kubernetes.azure.com/sgx_epc_mem_in_MiB": 8}),))},
    ),
    "D74": Story(
        bad={
            # intel/intel-device-plugins-for-kubernetes on GitHub, issue 1611: there is no `epc`.
            "no epc": on("kubernetes", nodes=(node(resources={"sgx.intel.com/enclave": 20}),)),
            # The same project, issue 1344: a node with 98041856 bytes.
            "too little": on(
                "kubernetes", nodes=(node(resources={"sgx.intel.com/enclave": 110, "sgx.intel.com/epc": 98041856}),)
            ),
        },
        blind={"as recorded": {"kubernetes": HERE.kubernetes}},
    ),
    "D75": Story(bad={"none": on("kubernetes", webhooks=())}, blind={"as recorded": {"kubernetes": HERE.kubernetes}}),
    "D80": Story(
        bad={
            "plain": on("image", problem="it has no `/.caisson/app.manifest.sgx`"),
            "debug": on("image", debug=True),
            "not signed": on("image", signed=False),
            "native": on("image", runtime="native"),
        },
        blind={"no such image": {"image": BLIND}},
    ),
    "D81": Story(
        bad={
            "no such enclave": cpu("firmware-off"),
            "paged": on("image", enclave_size=128 * GIB),
        },
        blind={"no such image": {"image": BLIND}, "no eyes": NO_EYES},
        good={"it grows": on("image", enclave_size=1024 * GIB, dynamic_memory=True)},
    ),
    "D82": Story(
        bad={
            "AMX": on("image", xfrm=0x60003),
            "EXINFO": on("image", misc_select=1) | cpu("xeon-e-2276g"),
            "SGX2": on("image", dynamic_memory=True) | cpu("xeon-e-2276g"),
            "Linux 6.0": on("image", dynamic_memory=True) | {"kernel": Kernel(release="5.15.0")},
        },
        blind={"no such image": {"image": BLIND}, "no eyes": NO_EYES},
        good={"AVX-512": on("image", xfrm=0xE7), "EXINFO": on("image", misc_select=1)},
    ),
}
