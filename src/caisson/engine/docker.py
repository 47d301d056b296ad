"""The Docker engine, through its HTTP API (https://docs.docker.com/reference/api/engine/)."""

import os
import struct
from collections.abc import Iterator
from ipaddress import ip_network
from types import TracebackType
from typing import Any, Self

import httpx2

from caisson.engine.container import ContainerSpec, ContainerState
from caisson.errors import Unavailable, UsageError

DEFAULT_HOST = "unix:///var/run/docker.sock"
_FRAME = struct.Struct(">BxxxI")
_NOT_FOUND = 404
_CONFLICT = 409
_FIRST_ERROR = 400


class Docker:
    """One engine. Every call may raise `Unavailable` if the engine does not answer."""

    def __init__(self, host: str | None = None) -> None:
        self.host = host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        scheme, _, rest = self.host.partition("://")
        match scheme:
            case "unix":
                self._http = httpx2.Client(
                    transport=httpx2.HTTPTransport(uds=rest), base_url="http://docker", timeout=60
                )
            case "tcp" | "http":
                self._http = httpx2.Client(base_url=f"http://{rest}", timeout=60)
            case _:
                raise UsageError(
                    f"Docker host `{self.host}` is neither `unix://…` nor `tcp://…`",
                    hint="set DOCKER_HOST to one of these",
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def version(self) -> str:
        """Give the engine's version."""
        return str(self._call("GET", "/version")["Version"])

    def has_image(self, reference: str) -> bool:
        """Tell whether the engine holds an image."""
        return self._send("GET", f"/images/{reference}/json").status_code != _NOT_FOUND

    def image_config(self, reference: str) -> dict[str, Any]:
        """Give an image's configuration, in Docker's spelling.

        Raises:
            UsageError: the engine has no such image.
        """
        answer = self._send("GET", f"/images/{reference}/json")
        if answer.status_code == _NOT_FOUND:
            raise UsageError(f"the engine has no image `{reference}`", hint="build it with `caisson build`")
        config: dict[str, Any] = _json(answer)["Config"]
        return config

    def bridge_gateway(self) -> str:
        """Give the host's address on the engine's default bridge, as containers see it."""
        pools = self._call("GET", "/networks/bridge")["IPAM"]["Config"]
        if not pools:
            raise Unavailable("the engine has no default bridge network")
        # Until its first container the engine names no gateway; it is the subnet's first address.
        return str(pools[0].get("Gateway") or next(ip_network(pools[0]["Subnet"]).hosts()))

    def run(self, spec: ContainerSpec) -> str:
        """Create and start a container; give its id. A container that cannot start is removed again.

        Raises:
            UsageError: the name is taken, the image is missing, or the engine refuses the description.
        """
        answer = self._send("POST", "/containers/create", params={"name": spec.name}, json=spec.create_request())
        if answer.status_code == _CONFLICT:
            raise UsageError(
                f"a container named `{spec.name}` exists already", hint=f"stop it with `caisson down {spec.name}`"
            )
        container_id = str(_json(answer)["Id"])
        try:
            self._call("POST", f"/containers/{container_id}/start")
        except UsageError:
            self.remove(container_id)
            raise
        return container_id

    def state(self, container: str) -> ContainerState | None:
        """Give a container's state, or nothing if there is no such container."""
        answer = self._send("GET", f"/containers/{container}/json")
        if answer.status_code == _NOT_FOUND:
            return None
        found = _json(answer)
        bindings = found["NetworkSettings"]["Ports"] or {}
        return ContainerState(
            container_id=found["Id"],
            status=found["State"]["Status"],
            pid=found["State"]["Pid"],
            exit_code=found["State"]["ExitCode"],
            ports={
                int(name.partition("/")[0]): int(bound[0]["HostPort"])
                for name, bound in bindings.items()
                if bound and name.endswith("/tcp")
            },
        )

    def containers(self, *, label: str) -> dict[str, dict[str, Any]]:
        """Give all containers that carry a label, by name, as `GET /containers/json` describes them."""
        found = self._call("GET", "/containers/json", params={"all": "true", "filters": f'{{"label":["{label}"]}}'})
        return {container["Names"][0].removeprefix("/"): container for container in found}

    def logs(self, container: str) -> str:
        """Give what a container has written, both streams in order."""
        answer = self._send("GET", f"/containers/{container}/logs", params={"stdout": "true", "stderr": "true"})
        frames, rest = _frames(_checked(answer).content)
        return b"".join((*frames, rest[_FRAME.size :])).decode(errors="replace")

    def follow(self, container: str) -> Iterator[bytes]:
        """Give what a container writes, from its start until it ends, as it comes."""
        parameters = {"stdout": "true", "stderr": "true", "follow": "true"}
        try:
            with self._http.stream("GET", f"/containers/{container}/logs", params=parameters, timeout=None) as answer:
                pending = b""
                for chunk in answer.iter_bytes():
                    frames, pending = _frames(pending + chunk)
                    yield from frames
        except httpx2.TransportError as cause:
            raise Unavailable(f"the Docker engine stopped answering: {cause}") from cause

    def wait(self, container: str, *, timeout: float) -> int:
        """Wait until a container has ended; give its exit code.

        Raises:
            Unavailable: it did not end within `timeout` seconds.
        """
        answer = self._send("POST", f"/containers/{container}/wait", timeout=timeout)
        return int(_json(answer)["StatusCode"])

    def stop(self, container: str, *, grace: int = 10) -> None:
        """Send the stop signal, and SIGKILL after `grace` seconds."""
        self._call("POST", f"/containers/{container}/stop", params={"t": str(grace)}, timeout=grace + 30)

    def remove(self, container: str) -> None:
        """Remove a container and its anonymous volumes, running or not."""
        self._call("DELETE", f"/containers/{container}", params={"force": "true", "v": "true"})

    def remove_volume(self, name: str) -> None:
        """Remove a named volume, if it exists."""
        answer = self._send("DELETE", f"/volumes/{name}")
        if answer.status_code != _NOT_FOUND:
            _checked(answer)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = _checked(self._send(method, path, **arguments))
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        try:
            return self._http.request(method, path, **arguments)
        except httpx2.TransportError as cause:
            raise Unavailable(
                f"the Docker engine at `{self.host}` does not answer: {cause}",
                hint="start Docker, or set DOCKER_HOST to an engine that runs",
            ) from cause


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if answer.status_code >= _FIRST_ERROR:
        try:
            message = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            message = answer.text
        raise UsageError(f"the Docker engine refuses: {message}")
    return answer


def _json(answer: httpx2.Response) -> Any:
    return _checked(answer).json()


def _frames(raw: bytes) -> tuple[list[bytes], bytes]:
    """Take Docker's log frames apart: stream (u8), three zero bytes, length (u32, big-endian), text.

    Gives the texts of all whole frames, and what follows them.
    """
    frames, at = [], 0
    while at + _FRAME.size <= len(raw):
        _stream, size = _FRAME.unpack_from(raw, at)
        if at + _FRAME.size + size > len(raw):
            break
        frames.append(raw[at + _FRAME.size : at + _FRAME.size + size])
        at += _FRAME.size + size
    return frames, raw[at:]
