"""The Docker engine, through its HTTP API (https://docs.docker.com/reference/api/engine/)."""

import contextlib
import os
import struct
from collections.abc import Iterator
from ipaddress import ip_network
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2

from caisson.engine.container import ContainerState, Endpoint
from caisson.errors import CaissonError, Unavailable, UsageError

DEFAULT_HOST = "unix:///var/run/docker.sock"
_FRAME = struct.Struct(">BxxxI")
_NOT_FOUND = 404
_CONFLICT = 409
_FIRST_ERROR = 400
_HERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what the engine says, nothing is bound


class Docker:
    """One engine. Every call may raise `Unavailable` if it does not answer, or not as its API promises."""

    def __init__(self, host: str | None = None) -> None:
        self.host = host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        scheme, _, rest = self.host.partition("://")
        if scheme not in ("unix", "tcp", "http") or not rest:
            raise self._refusal()
        transport = httpx2.HTTPTransport(uds=rest) if scheme == "unix" else None
        try:
            # No proxies: a proxy for the Internet does not lead to the engine.
            self._http = httpx2.Client(
                transport=transport,
                base_url="http://docker" if scheme == "unix" else f"http://{rest}",
                timeout=60,
                trust_env=False,
            )
        except httpx2.InvalidURL as cause:
            raise self._refusal() from cause

    def _refusal(self) -> UsageError:
        return UsageError(
            f"Docker host `{self.host}` is neither `unix://…` nor `tcp://…`", hint="set DOCKER_HOST to one of these"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def image_config(self, reference: str) -> dict[str, Any]:
        """Give an image's configuration, in Docker's spelling.

        Raises:
            UsageError: the engine has no such image.
        """
        with _as_promised():
            config: dict[str, Any] = self._image(reference)["Config"]
            return config

    def repository_digests(self, reference: str) -> tuple[str, ...]:
        """Give the names, each with a digest, under which registries have an image that the engine holds.

        Raises:
            UsageError: the engine has no such image.
        """
        with _as_promised():
            return tuple(map(str, self._image(reference).get("RepoDigests") or ()))

    def image_id(self, reference: str) -> str:
        """Give the identifier by which the engine knows an image, whatever it is called.

        Raises:
            UsageError: the engine has no such image.
        """
        with _as_promised():
            return str(self._image(reference)["Id"])

    def _image(self, reference: str) -> Any:
        answer = self._send("GET", f"/images/{quote(reference, safe='/:@')}/json")
        if answer.status_code == _NOT_FOUND:
            raise UsageError(f"the engine has no image `{reference}`", hint="build it with `caisson build`")
        return _json(answer)

    def bridge_gateway(self) -> str:
        """Give the host's address on the engine's default bridge, as containers see it."""
        with _as_promised():
            pools = self._call("GET", "/networks/bridge")["IPAM"]["Config"]
            if not pools:
                raise Unavailable("the engine has no default bridge network")
            # Until its first container the engine names no gateway; it is the subnet's first address.
            return str(pools[0].get("Gateway") or next(ip_network(pools[0]["Subnet"], strict=False).hosts()))

    def run(self, name: str, request: dict[str, Any]) -> str:
        """Create and start a container; give its id. A container that cannot start is removed again.

        `request` is the body of `POST /containers/create`.

        Raises:
            UsageError: the name is taken, the image is missing, or the engine refuses the description.
        """
        answer = self._send("POST", "/containers/create", params={"name": name}, json=request)
        if answer.status_code == _CONFLICT:
            raise UsageError(f"a container named `{name}` exists already", hint=f"stop it with `caisson down {name}`")
        with _as_promised():
            container_id = str(_json(answer)["Id"])
        try:
            self._call("POST", f"/containers/{container_id}/start")
        except BaseException:
            with contextlib.suppress(CaissonError):  # why it did not start says more
                self.remove(container_id)
            raise
        return container_id

    def state(self, container: str) -> ContainerState | None:
        """Give a container's state, or nothing if there is no such container."""
        answer = self._send("GET", f"{_path(container)}/json")
        if answer.status_code == _NOT_FOUND:
            return None
        with _as_promised():
            found = _json(answer)
            bindings = found["NetworkSettings"]["Ports"] or {}
            return ContainerState(
                container_id=found["Id"],
                image_id=found["Image"],
                labels=found["Config"]["Labels"] or {},
                status=found["State"]["Status"],
                pid=found["State"]["Pid"],
                exit_code=found["State"]["ExitCode"],
                ports={
                    int(name.partition("/")[0]): Endpoint(
                        host=_HERE.get(bound[0]["HostIp"], bound[0]["HostIp"]), port=int(bound[0]["HostPort"])
                    )
                    for name, bound in bindings.items()
                    if bound and name.endswith("/tcp")
                },
            )

    def containers(self, *, label: str) -> dict[str, dict[str, Any]]:
        """Give all containers that carry a label, by name, as `GET /containers/json` describes them."""
        found = self._call("GET", "/containers/json", params={"all": "true", "filters": f'{{"label":["{label}"]}}'})
        with _as_promised():
            # One that is being removed has no name any more.
            return {one["Names"][0].removeprefix("/"): one for one in found if one["Names"]}

    def logs(self, container: str) -> str:
        """Give what a container has written, both streams in order."""
        answer = self._send("GET", f"{_path(container)}/logs", params={"stdout": "true", "stderr": "true"})
        frames, rest = _frames(_checked(answer).content)
        return b"".join((*frames, rest[_FRAME.size :])).decode(errors="replace")

    def follow(self, container: str) -> Iterator[bytes]:
        """Give what a container writes, from its start until it ends, as it comes."""
        parameters = {"stdout": "true", "stderr": "true", "follow": "true"}
        try:
            with self._http.stream("GET", f"{_path(container)}/logs", params=parameters, timeout=None) as answer:
                if answer.status_code >= _FIRST_ERROR:
                    answer.read()
                    _checked(answer)
                pending = b""
                for chunk in answer.iter_bytes():
                    frames, pending = _frames(pending + chunk)
                    yield from frames
        except httpx2.HTTPError as cause:
            raise Unavailable(f"the Docker engine stopped answering: {cause}") from cause

    def wait(self, container: str, *, timeout: float) -> int:
        """Wait until a container has ended; give its exit code.

        Raises:
            Unavailable: it did not end within `timeout` seconds.
        """
        answer = self._send("POST", f"{_path(container)}/wait", timeout=timeout)
        with _as_promised():
            return int(_json(answer)["StatusCode"])

    def stop(self, container: str, *, grace: int = 10) -> None:
        """Send the stop signal, and SIGKILL after `grace` seconds."""
        self._call("POST", f"{_path(container)}/stop", params={"t": str(grace)}, timeout=grace + 30)

    def remove(self, container: str) -> None:
        """Remove a container and its anonymous volumes, running or not; one that is gone already is no error."""
        answer = self._send("DELETE", _path(container), params={"force": "true", "v": "true"})
        if answer.status_code not in (_NOT_FOUND, _CONFLICT):  # a conflict: somebody else is removing it
            _checked(answer)

    def remove_volume(self, name: str) -> None:
        """Remove a named volume, if it exists."""
        answer = self._send("DELETE", f"/volumes/{quote(name, safe='')}")
        if answer.status_code != _NOT_FOUND:
            _checked(answer)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = _checked(self._send(method, path, **arguments))
        with _as_promised():
            return answer.json() if answer.content else None

    def _send(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        try:
            return self._http.request(method, path, **arguments)
        except (httpx2.HTTPError, httpx2.InvalidURL) as cause:
            raise Unavailable(
                f"the Docker engine at `{self.host}` does not answer: {cause}",
                hint="start Docker, or set DOCKER_HOST to an engine that runs",
            ) from cause


@contextlib.contextmanager
def _as_promised() -> Iterator[None]:
    """Turn what reading an answer of another shape raises into our error."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, StopIteration) as cause:
        raise Unavailable(
            "the Docker engine's answer is not what its API promises", hint="is DOCKER_HOST a Docker engine?"
        ) from cause


def _path(container: str) -> str:
    return f"/containers/{quote(container, safe='')}"


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
