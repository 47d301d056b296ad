"""The device nodes, on the machine and as a container sees them."""

from caisson.doctor.check import Check, Finding, Purpose, bad, good, of, unknown, warn
from caisson.doctor.readings import Device, Readings, Sight, Unread

_ENCLAVES = frozenset({Purpose.RUN, Purpose.ATTEST, Purpose.SWARM})
_GROUP, _OTHERS = 0o060, 0o006
_REMOUNT = "as root: `mount -o remount,exec /dev` (and a unit that does it at every start)"
_INSIDE = "/dev/sgx_enclave"
_DENIED, _FILTERED = "permission denied", "operation not permitted"  # as `look` says EACCES and EPERM


def _seen(readings: Readings, path: str) -> Device | Finding:
    if isinstance(readings.sight, Unread):
        return unknown(f"devices could not be looked at: {readings.sight.unread}")
    found = readings.sight.device(path)
    if found is None or found.kind == "hidden":
        return unknown(f"`{path}` could not be looked at: {'nobody did' if found is None else found.refusal}")
    return found


def _spell(device: Device) -> str:
    return f"`{device.path}`, mode {device.mode:04o}, owner {device.uid}:{device.gid}"


def has_enclave_device(readings: Readings) -> Finding:
    """Judge whether the kernel's driver is there."""
    device = _seen(readings, readings.enclave)
    if isinstance(device, Finding):
        return device
    if device.kind == "character":
        return good(_spell(device))
    if device.kind == "other":
        return bad(
            f"`{device.path}` is no device",
            "something put a file there, often a container that was started before the driver",
            "remove it, and start the machine anew",
        )
    old = [each.path for each in readings.legacy if each.kind != "absent"]
    if old:
        return bad(
            f"no `{device.path}`, but `{'`, `'.join(old)}`",
            "that is a driver from before Linux 5.11, which Gramine no longer knows",
            "remove the old driver, and use a kernel that has its own",
        )
    return bad(
        f"no `{device.path}`",
        "the kernel's driver did not start: it was built without X86_SGX, or found SGX switched off",
        "look for `sgx` in `dmesg`, and for `CONFIG_X86_SGX=y` in `/boot/config-*`",
    )


def lets_in(readings: Readings) -> Finding:
    """Judge mode and group: containers get the group of the device, and are not root."""
    device = _seen(readings, readings.enclave)
    if isinstance(device, Finding):
        return device
    if device.kind != "character":
        return unknown(f"`{device.path}` is no device")
    rule = 'a udev rule: `SUBSYSTEM=="misc", KERNEL=="sgx_enclave", MODE="0660", GROUP="sgx"`'
    others, group = device.mode & _OTHERS == _OTHERS, device.mode & _GROUP == _GROUP
    if not others and not group:
        return bad(_spell(device), "only its owner may open it, and programs in containers are not root", rule)
    if not others and device.gid == 0:
        return warn(_spell(device), "its group is root's, which containers then have to be in", rule)
    if not device.opened:
        return warn(
            f"{_spell(device)}; this user may not open it: {device.refusal}",
            "containers can be given its group; programs that this user starts directly cannot open it",
            f"`usermod -aG {device.gid} USER` (the group's number), and log in anew",
        )
    return good(f"{_spell(device)}: may be opened")


def may_map(readings: Readings) -> Finding:
    """Judge whether enclaves can be mapped as code."""
    device = _seen(readings, readings.enclave)
    if isinstance(device, Finding):
        return device
    if not device.no_exec:
        return good("`/dev` is not mounted `noexec`")
    return bad("`/dev` is mounted `noexec`", "an enclave is code that is mapped from the device: EPERM", _REMOUNT)


def opens_inside(inside: Sight, _readings: Readings) -> Finding:
    """Judge what a container saw that was made as a program's would be."""
    device = inside.device(_INSIDE)
    who = f"user {inside.uid}:{inside.gid}, groups {', '.join(map(str, inside.groups)) or 'none'}"
    if device is None or device.kind == "absent":
        return bad(
            "the container has no `/dev/sgx_enclave`",
            "the engine did not pass the device on",
            "look for what stands between: a remote engine, a virtual machine, a policy of the engine",
        )
    if device.kind == "hidden":
        return unknown(f"`/dev/sgx_enclave` cannot be seen in the container: {device.refusal}")
    if not device.opened:
        meaning, remedy = _refused(device, inside)
        return bad(
            f"in a container ({who}) {_spell(device)} does not open: {device.refusal or 'it is no device'}",
            meaning,
            remedy,
        )
    if device.no_exec:
        return bad(
            "in the container the device lies on a file system that is mounted `noexec`",
            "an enclave is code that is mapped from the device: EPERM",
            "CRI-O and Podman do that; Podman not with `--volume /dev/sgx_enclave:/dev/sgx_enclave:dev,exec`, too",
        )
    return good(f"a container ({who}) opens it")


def _refused(device: Device, inside: Sight) -> tuple[str, str]:
    """Tell why a container may not open the device, and what to do."""
    for_group, for_others = device.mode & _GROUP == _GROUP, device.mode & _OTHERS == _OTHERS
    if device.refusal == _FILTERED:
        return (
            "the device is there, but the engine's device filter does not let it through",
            "`--device /dev/sgx_enclave` and not `-v`; on a Swarm, `caisson node setup swarm`",
        )
    if device.refusal != _DENIED:
        return "its driver does not take it", "look for `sgx` in `dmesg`"
    if not for_group and not for_others:
        return (
            "only the device's owner may open it",
            "give it a group on the host: `chgrp sgx` and `chmod 0660`, and a udev rule to that effect",
        )
    if not for_others and device.gid not in (inside.gid, *inside.groups):
        return (
            "the program's groups are not the device's: it was not given, or the engine maps users",
            "`--group-add $(stat -c %g /dev/sgx_enclave)`; where users are mapped, mode 0666 by a udev rule",
        )
    return "a security module refuses it (SELinux, AppArmor)", "look for `denied` in `dmesg` and in the audit log"


def has_provision_device(readings: Readings) -> Finding:
    """Judge the device that aesmd needs, and nobody else should have."""
    device = _seen(readings, readings.provision)
    if isinstance(device, Finding):
        return device
    if device.kind != "character":
        return bad(
            f"no `{device.path}`",
            "aesmd cannot certify its attestation key: there will be no quotes",
            "in a virtual machine, the hypervisor must pass on the provisioning key (QEMU: `+sgx-provisionkey`)",
        )
    if device.mode & _OTHERS:
        return warn(
            _spell(device),
            "every program of this machine may learn a lasting name of it",
            'a udev rule: `KERNEL=="sgx_provision", MODE="0660", GROUP="sgx_prv"`; only aesmd is in that group',
        )
    return good(_spell(device))


CHECKS = (
    Check(
        id="D10",
        name="device-enclave",
        title="the enclave device is there",
        looks_at="`/dev/sgx_enclave`, and `/dev/isgx` and `/dev/sgx/enclave` of drivers of old",
        why="enclaves are made through this device",
        purposes=_ENCLAVES,
        judge=has_enclave_device,
        after=("D01", "D02", "D04", "D08"),
    ),
    Check(
        id="D11",
        name="device-access",
        title="programs may open the enclave device",
        looks_at="mode, owner and group of `/dev/sgx_enclave`, and opening it",
        why="programs in containers are not root: they get the device's group, which the deployment asks for",
        purposes=_ENCLAVES,
        judge=lets_in,
        after=("D10",),
    ),
    Check(
        id="D12",
        name="device-exec",
        title="/dev may hold code",
        looks_at="whether the file system of `/dev/sgx_enclave` is mounted `noexec`",
        why="systemd mounts `/dev` so on some distributions, and enclaves then fail with EPERM",
        purposes=_ENCLAVES,
        judge=may_map,
        after=("D10",),
    ),
    Check(
        id="D13",
        name="container-device",
        title="a container can open the enclave device",
        looks_at="a throw-away container with the device, its group, no capabilities and no network, which tries",
        why="what the machine has, an engine may still withhold: device filters, mapped users, a `/dev` of its own",
        purposes=frozenset({Purpose.RUN, Purpose.SWARM}),
        judge=of(lambda readings: readings.inside, opens_inside),
        after=("D10", "D30"),
    ),
    Check(
        id="D14",
        name="device-provision",
        title="the provisioning device is there, and for aesmd only",
        looks_at="`/dev/sgx_provision` and its mode",
        why="aesmd needs it to certify its key; whoever else has it can tell this machine from all others, for ever",
        purposes=frozenset({Purpose.ATTEST}),
        judge=has_provision_device,
        after=("D10",),
    ),
)
