"""What Caisson asks of a Docker engine (https://docs.docker.com/reference/api/engine/)."""

import contextlib
import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote

from caisson.engine.api import Api, as_promised, checked, json_of
from caisson.engine.archive import only_file
from caisson.engine.container import ContainerState, Listed
from caisson.engine.event import EngineEvent
from caisson.engine.log import STDOUT, Piece, pieces
from caisson.errors import CaissonError, Unavailable, UsageError

_FORBIDDEN = 403
_NOT_FOUND = 404
_CONFLICT = 409


class Docker(Api):
    """One engine: its images and its containers."""

    def image_config(self, reference: str) -> dict[str, Any]:
        """Give an image's configuration, in Docker's spelling.

        Raises:
            UsageError: the engine has no such image.
        """
        with as_promised():
            config: dict[str, Any] = self._image(reference)["Config"]
            return config

    def repository_digests(self, reference: str) -> tuple[str, ...]:
        """Give the names, each with a digest, under which registries have an image that the engine holds.

        Raises:
            UsageError: the engine has no such image.
        """
        with as_promised():
            return tuple(map(str, self._image(reference).get("RepoDigests") or ()))

    def image_names(self, reference: str) -> tuple[str, ...]:
        """Give the names, each with a tag, by which the engine knows an image; none if it has no such image."""
        try:
            with as_promised():
                return tuple(map(str, self._image(reference).get("RepoTags") or ()))
        except UsageError:
            return ()

    def image_id(self, reference: str) -> str:
        """Give the identifier by which the engine knows an image, whatever it is called.

        Raises:
            UsageError: the engine has no such image.
        """
        with as_promised():
            return str(self._image(reference)["Id"])

    def _image(self, reference: str) -> Any:
        answer = self.send("GET", f"/images/{quote(reference, safe='/:@')}/json")
        if answer.status_code == _NOT_FOUND:
            raise UsageError(f"the engine has no image `{reference}`", hint="build it with `caisson build`")
        return json_of(answer)

    def bridge_gateway(self) -> str:
        """Give the host's address on the engine's default bridge, as containers see it."""
        with as_promised():
            pools = self.call("GET", "/networks/bridge")["IPAM"]["Config"]
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
        answer = self.send("POST", "/containers/create", params={"name": name}, json=request)
        if answer.status_code == _CONFLICT:
            raise UsageError(f"a container named `{name}` exists already", hint=f"stop it with `caisson down {name}`")
        with as_promised():
            container_id = str(json_of(answer)["Id"])
        try:
            self.call("POST", f"/containers/{container_id}/start")
        except BaseException:
            with contextlib.suppress(CaissonError):  # why it did not start says more
                self.remove(container_id)
            raise
        return container_id

    def state(self, container: str) -> ContainerState | None:
        """Give a container's state, or nothing if there is no such container."""
        answer = self.send("GET", f"{_path(container)}/json")
        if answer.status_code == _NOT_FOUND:
            return None
        with as_promised():
            return ContainerState.of(json_of(answer))

    def containers(self, *, label: str) -> dict[str, Listed]:
        """Give all containers that carry a label, by name, whether they run or not."""
        found = self.call("GET", "/containers/json", params={"all": "true", "filters": f'{{"label":["{label}"]}}'})
        with as_promised():
            # One that is being removed has no name any more.
            listed = [Listed.of(one) for one in found if one["Names"]]
            return {one.name: one for one in listed}

    def file(self, container: str, path: str, *, largest: int) -> bytes | None:
        """Give a regular file of a container, whether it runs or not; nothing if there is none, or a larger one.

        What is mounted on the container's root is not looked into.
        """
        with as_promised():
            try:
                return only_file(self.stream(f"{_path(container)}/archive", {"path": path}), largest=largest)
            except UsageError:
                return None

    def events(self, *, label: str, since: float, until: float) -> tuple[EngineEvent, ...]:
        """Give what happened to containers that carry a label, between two times in Unix seconds.

        An end that lies ahead is waited for. The engine remembers only its last events, whatever they were about.
        """
        filters = json.dumps({"type": ["container"], "label": [label]})
        parameters = {"since": f"{since:.9f}", "until": f"{until:.9f}", "filters": filters}
        lines = checked(self.send("GET", "/events", params=parameters)).content.splitlines()
        with as_promised():
            return tuple(EngineEvent.of(json.loads(line)) for line in lines)

    def logs(self, container: str) -> str:
        """Give what a container has written, both streams in order."""
        return b"".join(piece.text for piece in self.output(container)).decode(errors="replace")

    def output(
        self,
        container: str,
        *,
        follow: bool = False,
        since: float | None = None,
        tail: int | None = None,
        terminal: bool = False,
    ) -> Iterator[Piece]:
        """Give what a container writes; with `follow` until it ends, as it comes.

        Begins at a time (Unix seconds) or with the last lines, if one is given. With a `terminal` there is one stream.
        """
        parameters = {"stdout": "true", "stderr": "true", "follow": str(follow).lower()}
        if since is not None:
            parameters["since"] = f"{since:.9f}"
        if tail is not None:
            parameters["tail"] = str(tail)
        chunks = self.stream(f"{_path(container)}/logs", parameters)
        yield from (Piece(stream=STDOUT, text=chunk) for chunk in chunks) if terminal else pieces(chunks)

    def wait(self, container: str, *, timeout: float) -> int:
        """Wait until a container has ended; give its exit code.

        Raises:
            Unavailable: it did not end within `timeout` seconds.
        """
        answer = self.send("POST", f"{_path(container)}/wait", timeout=timeout)
        with as_promised():
            return int(json_of(answer)["StatusCode"])

    def stop(self, container: str, *, grace: int = 10) -> None:
        """Send the stop signal, and SIGKILL after `grace` seconds."""
        self.call("POST", f"{_path(container)}/stop", params={"t": str(grace)}, timeout=grace + 30)

    def remove(self, container: str, *, force: bool = True, volumes: bool = True) -> None:
        """Remove a container, and its anonymous volumes; one that is gone already is no error.

        Raises:
            UsageError: it runs, and is not to be removed by force.
        """
        parameters = {"force": str(force).lower(), "v": str(volumes).lower()}
        answer = self.send("DELETE", _path(container), params=parameters)
        if answer.status_code == _CONFLICT and not force:
            state = self.state(container)
            if state is not None and state.running:
                checked(answer)
        elif answer.status_code not in (_NOT_FOUND, _CONFLICT):  # a conflict: somebody else is removing it
            checked(answer)

    def has_volume(self, name: str) -> bool:
        """Tell whether there is a named volume."""
        answer = self.send("GET", _volume(name))
        if answer.status_code != _NOT_FOUND:
            checked(answer)
        return answer.status_code != _NOT_FOUND

    def remove_volume(self, name: str) -> None:
        """Remove a named volume, if it exists."""
        answer = self.send("DELETE", _volume(name))
        if answer.status_code != _NOT_FOUND:
            checked(answer)

    def ensure_network(self, name: str) -> None:
        """Make a bridge network of this name, unless there is one."""
        if self.send("GET", _network(name)).status_code == _NOT_FOUND:
            self.call("POST", "/networks/create", json={"Name": name, "Driver": "bridge", "CheckDuplicate": True})

    def remove_network(self, name: str) -> None:
        """Remove a network, if it exists; it stays while a container is in it."""
        answer = self.send("DELETE", _network(name))
        if answer.status_code not in (_NOT_FOUND, _FORBIDDEN):
            checked(answer)


def _path(container: str) -> str:
    return f"/containers/{quote(container, safe='')}"


def _volume(name: str) -> str:
    return f"/volumes/{quote(name, safe='')}"


def _network(name: str) -> str:
    return f"/networks/{quote(name, safe='')}"
