"""What a deployment, in anyone's Compose or Kubernetes YAML, gives to a program that it should not have."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from caisson.errors import Malformed

_MOST_BYTES = 4 << 20
_MOST_NODES = 200_000
_PROVISION = re.compile(r".*/dev/sgx(?:_|/)provision\b.*", re.DOTALL)
_PROVISION_RESOURCE = "sgx.intel.com/provision"
_ENGINE_SOCKET = re.compile(r".*\b(?:docker|containerd|crio)\.sock\b.*", re.DOTALL)
_SWITCHES = {
    "privileged": "it is privileged",
    "hostPID": "it shares the host's processes",
    "hostIPC": "it shares the host's memory segments",
    "hostNetwork": "it shares the host's network",
}
_QUOTING = "aesmd"  # the one service that is to have the provisioning device


def exposures(raw: bytes) -> tuple[str, ...]:
    """Name, in words, what is given away: privileges, the provisioning device, the host's root or its engine's socket.

    A service whose name contains `aesmd` may have the provisioning device: it makes quotes.

    Raises:
        Malformed: not YAML, over 4 MiB, or with anchors that multiply it.
    """
    if len(raw) > _MOST_BYTES:
        raise Malformed(f"deployment has {len(raw)} bytes, over the limit of {_MOST_BYTES}")
    try:
        documents = list(yaml.safe_load_all(raw))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as cause:
        raise Malformed(f"deployment is not YAML: {str(cause)[:200]}") from cause
    found: dict[str, None] = {}
    for count, (path, value) in enumerate(_walk(documents)):
        if count > _MOST_NODES:
            raise Malformed(f"deployment has more than {_MOST_NODES} values")
        if (what := _exposure(path, value)) is not None:
            found[f"{'.'.join(path[1:])}: {what}"] = None
    return tuple(found)


def _walk(documents: list[Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give each value with its path; a list's item that has a name goes by it."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), documents)]
    while stack:
        path, value = stack.pop()
        yield path, value
        if isinstance(value, dict):
            stack += [((*path, str(name)), below) for name, below in reversed(value.items())]
        elif isinstance(value, list):
            named = [(_name(item, number), item) for number, item in enumerate(value)]
            stack += [((*path, name), item) for name, item in reversed(named)]


def _name(item: Any, number: int) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else str(number)


def _exposure(path: tuple[str, ...], value: Any) -> str | None:
    last = path[-1] if path else ""
    quotes = any(_QUOTING in step for step in path)
    if value is True:
        return _SWITCHES.get(last)
    text = value if isinstance(value, str) else ""
    if not quotes and (last == _PROVISION_RESOURCE or _PROVISION.fullmatch(text)):
        return "it gets the provisioning device"
    if _ENGINE_SOCKET.fullmatch(text):
        return "it gets the engine's socket, and with it the host"
    within = "volumes" in path or "hostPath" in path
    if within and (text.startswith("/:") or (text == "/" and last in ("source", "path"))):
        return "it gets the host's root file system"
    return None
