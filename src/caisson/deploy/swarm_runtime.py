"""An OCI runtime for SGX nodes of a Swarm: runc, and for tasks that reserve page cache one device more.

`caisson node setup swarm` installs a copy of this file as the default runtime, since a stack cannot name devices. Swarm
tells a task what it reserved by a variable. Any container of the node can set that variable, too: so all that it ever
leads to is `/dev/sgx_enclave`, read and write, and the device's group; and it takes away new privileges.
It needs Python and nothing else of Caisson.
"""

import json
import os
import stat
import sys
from typing import Any

RUNTIME = "/usr/bin/runc"
DEVICE = "/dev/sgx_enclave"

_INSIDE = "/dev/sgx_enclave"
_VARIABLE = "DOCKER_RESOURCE_SGX_EPC"
_WITH_VALUE = ("--root", "--log", "--log-format", "--criu", "--rootless")  # global options of runc(8)
_STARTING = ("create", "run")


class Refusal(Exception):
    """The device cannot be given, so the container must not start without it."""


def bundle_of(arguments: list[str]) -> str | None:
    """Give the bundle's directory, if a container is being made."""
    command, rest = _command(arguments)
    if command not in _STARTING:
        return None
    for at, word in enumerate(rest):
        if word in ("--bundle", "-b"):
            return rest[at + 1] if at + 1 < len(rest) else None
        if word.startswith(("--bundle=", "-b=")):
            return word.partition("=")[2]
    return "."


def _command(arguments: list[str]) -> tuple[str | None, list[str]]:
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        at += 2 if arguments[at] in _WITH_VALUE else 1
    return (arguments[at], arguments[at + 1 :]) if at < len(arguments) else (None, [])


def reserves(config: dict[str, Any]) -> bool:
    """Tell whether Swarm reserved page cache for this container, or whether it says so."""
    return any(item.partition("=")[0] == _VARIABLE for item in config["process"].get("env") or ())


def admit(config: dict[str, Any], device: os.stat_result) -> None:
    """Add the device to a container's configuration (OCI runtime-spec, config.md and config-linux.md)."""
    number = {"type": "c", "major": os.major(device.st_rdev), "minor": os.minor(device.st_rdev)}
    linux, process = config["linux"], config["process"]
    nodes = linux["devices"] = [node for node in linux.get("devices") or () if node.get("path") != _INSIDE]
    nodes.append({"path": _INSIDE, **number, "fileMode": stat.S_IMODE(device.st_mode), "uid": 0, "gid": device.st_gid})
    resources = linux.setdefault("resources", {})
    resources["devices"] = [*(resources.get("devices") or ()), {"allow": True, **number, "access": "rw"}]
    if device.st_gid:  # the group of root would open more than this
        groups = process.setdefault("user", {})
        groups["additionalGids"] = sorted({*(groups.get("additionalGids") or ()), device.st_gid})
    process["noNewPrivileges"] = True


def prepare(bundle: str) -> None:
    """Rewrite a bundle's configuration if its container reserves page cache.

    Raises:
        Refusal: it does, and this node has no such device.
    """
    path = os.path.join(bundle, "config.json")  # noqa: PTH118 - pathlib takes as long to import as all the rest
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        config = json.load(file)
    if not reserves(config):
        return
    try:
        device = os.stat(DEVICE)  # noqa: PTH116
    except OSError as cause:
        raise Refusal(f"{DEVICE}: {cause.strerror}") from cause
    if not stat.S_ISCHR(device.st_mode):
        raise Refusal(f"{DEVICE} is no character device")
    admit(config, device)
    new = f"{path}.caisson"
    with open(new, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(config, file)
    os.replace(new, path)  # noqa: PTH105


def main(arguments: list[str]) -> None:
    """Prepare the bundle if there is one, and become runc."""
    bundle = bundle_of(arguments)
    if bundle is not None:
        try:
            prepare(bundle)
        except (Refusal, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            _complain(arguments, f"caisson: the container cannot be given {_INSIDE}: {error}")
    os.execv(RUNTIME, [RUNTIME, *arguments])  # noqa: S606 - that is what it is for


def _complain(arguments: list[str], message: str) -> None:
    """Say why, where containerd looks for it, and end."""
    if "--log" in arguments[:-1]:
        with open(arguments[arguments.index("--log") + 1], "a", encoding="utf-8") as log:  # noqa: PTH123
            log.write(json.dumps({"level": "error", "msg": message}) + "\n")
    sys.exit(message)


if __name__ == "__main__":
    main(sys.argv[1:])
