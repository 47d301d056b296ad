"""What makes a machine an SGX node of a Swarm: Docker's `daemon.json`, and the runtime that it names."""

import json
from importlib.resources import files
from typing import Any

from caisson.deploy.stack import EPC_RESOURCE
from caisson.errors import UsageError

RUNTIME_NAME = "caisson-sgx"
_HINT = "Docker itself does not start with it: see its documentation of `daemon.json`"
_OURS = f"{EPC_RESOURCE}="
# Swarm ends a task that reserves exactly what is left of a resource ("assigned node no longer meets constraints":
# swarmkit's constraint enforcer takes "just enough" for "not enough"). With one MiB more nothing is ever just enough.
_SPARE = 1
_DEFAULT, _RUNTIMES, _RESOURCES = "default-runtime", "runtimes", "node-generic-resources"


def runtime_program(*, interpreter: str, runtime: str, device: str) -> str:
    """Give the text of the runtime as it is installed: a program of its own for this machine."""
    text = files("caisson.deploy").joinpath("swarm_runtime.py").read_text()
    for name, value in (("RUNTIME", runtime), ("DEVICE", device)):
        lines = text.splitlines(keepends=True)
        at = next(number for number, line in enumerate(lines) if line.startswith(f"{name} = "))
        lines[at] = f"{name} = {json.dumps(value)}\n"
        text = "".join(lines)
    return f"#!{interpreter} -IS\n{text}"


def with_runtime(raw: bytes | None, *, program: str, epc_mib: int) -> bytes:
    """Give `daemon.json` with the runtime as default and the node's page cache as a generic resource.

    Members that are not ours stay as they are. Doing it twice is doing it once.

    Raises:
        UsageError: it is no configuration that we understand, or has another default runtime or resource of that name.
    """
    document = _read(raw)
    if document.get(_DEFAULT, "runc") not in ("runc", RUNTIME_NAME):
        raise UsageError(
            f"Docker's default runtime is `{document[_DEFAULT]}`, and there can be only one",
            hint="containers that need that one would run without it: use another machine",
        )
    runtimes = _member(document, _RUNTIMES, dict)
    resources = _member(document, _RESOURCES, list)
    if RUNTIME_NAME not in runtimes and any(str(item).startswith(_OURS) for item in resources):
        raise UsageError(f"`{_RESOURCES}` has an `{EPC_RESOURCE}` that is not ours", hint="take it out first")
    document[_RUNTIMES] = {**runtimes, RUNTIME_NAME: {"path": program}}
    document[_DEFAULT] = RUNTIME_NAME
    document[_RESOURCES] = [*_foreign(resources), f"{_OURS}{epc_mib + _SPARE}"]
    return _write(document)


def without_runtime(raw: bytes | None) -> bytes | None:
    """Give `daemon.json` without what is ours; None if nothing is left of it.

    Raises:
        UsageError: it is no configuration that we understand.
    """
    document = _read(raw)
    if document.get(_DEFAULT) == RUNTIME_NAME:
        del document[_DEFAULT]
    runtimes = _member(document, _RUNTIMES, dict)
    if RUNTIME_NAME in runtimes:
        document[_RUNTIMES] = {name: value for name, value in runtimes.items() if name != RUNTIME_NAME}
        document[_RESOURCES] = _foreign(_member(document, _RESOURCES, list))
    for name in (_RUNTIMES, _RESOURCES):
        if not document.get(name, True):
            del document[name]
    return _write(document) if document else None


def _foreign(resources: list[Any]) -> list[Any]:
    return [item for item in resources if not str(item).startswith(_OURS)]


def _read(raw: bytes | None) -> dict[str, Any]:
    try:
        document = json.loads(raw) if raw is not None and raw.strip() else {}
    except ValueError as cause:
        raise UsageError(f"Docker's configuration is not JSON: {cause}", hint=_HINT) from cause
    if not isinstance(document, dict):
        raise UsageError("Docker's configuration is no JSON object", hint=_HINT)
    return document


def _member(document: dict[str, Any], name: str, kind: type) -> Any:
    value = document.get(name, kind())
    if not isinstance(value, kind):
        raise UsageError(f"`{name}` in Docker's configuration is not what Docker takes", hint=_HINT)
    return value


def _write(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
