"""`docker-daemon:` - the images of a Docker engine, through its HTTP API."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from caisson.errors import Unavailable, UsageError
from caisson.oci import stream
from caisson.oci.image import Image
from caisson.oci.places.docker_archive import DockerArchive, docker_archive
from caisson.oci.reference import file_meant

DEFAULT_HOST = "unix:///var/run/docker.sock"
_TIMEOUT = httpx2.Timeout(10, read=600, write=600)
_OK, _NOT_FOUND = 200, 404
_ANSWER = 4096


@dataclass(frozen=True, slots=True)
class Engine:
    """One image of an engine, by its name with tag or its ID. `host` is as in DOCKER_HOST."""

    name: str
    host: str | None = None

    def read(self, *, scratch: Path) -> Image:
        """Fetch the image as `docker save` would; see `Source`."""
        with self._client() as client, client.stream("GET", f"/images/{self.name}/get") as answer:
            if answer.status_code != _OK:
                self._complain(answer)
            region = stream.store(answer.iter_bytes(1 << 20), scratch)
        return DockerArchive(region.path).read(scratch=scratch)

    def write(self, image: Image, *, overwrite: bool = False) -> None:
        """Load the image as `docker load` would; see `Sink`."""
        if self.name.startswith("sha256:") or "@" in self.name:
            raise UsageError(f"`{self.name}` is no name that an image can be given", hint="write NAME:TAG")
        with self._client() as client:
            known = self._image_id(client)
            if known == str(image.image_id):
                return
            if known is not None and not overwrite:
                raise UsageError(
                    f"the engine has another image named `{self.name}`", hint="add `--force` to take its name away"
                )
            answer = client.post(
                "/images/load",
                params={"quiet": "1"},
                content=docker_archive(image, self.name),
                headers={"Content-Type": "application/x-tar"},
            )
            if answer.status_code != _OK or self._image_id(client) != str(image.image_id):
                raise Unavailable(f"the engine did not load `{self.name}`: {_message(answer)}")

    def _image_id(self, client: httpx2.Client) -> str | None:
        answer = client.get(f"/images/{self.name}/json")
        if answer.status_code == _NOT_FOUND:
            return None
        if answer.status_code != _OK:
            self._complain(answer)
        return str(answer.json().get("Id"))

    def _complain(self, answer: httpx2.Response) -> None:
        answer.read()
        if answer.status_code == _NOT_FOUND:
            meant = file_meant(self.name.removesuffix(":latest"))
            raise UsageError(
                f"the engine has no image `{self.name}`", hint=meant or f"fetch it with `docker pull {self.name}`"
            )
        raise Unavailable(f"the engine answers {answer.status_code}: {_message(answer)}")

    @contextmanager
    def _client(self) -> Iterator[httpx2.Client]:
        host = self.host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        scheme, _, rest = host.partition("://")
        options: dict[str, Any] = {"base_url": "http://docker", "timeout": _TIMEOUT, "trust_env": False}
        match scheme:
            case "unix":
                options["transport"] = httpx2.HTTPTransport(uds=rest)
            case "tcp" | "http":
                options["base_url"] = f"http://{rest}"
            case _:
                raise UsageError(
                    f"Docker host `{host}` is neither `unix://…` nor `tcp://…`", hint="set DOCKER_HOST to one of these"
                )
        try:
            with httpx2.Client(**options) as client:
                yield client
        except httpx2.HTTPError as cause:
            raise Unavailable(
                f"no Docker engine answers at `{host}`: {cause}", hint="start one, or set DOCKER_HOST"
            ) from cause


def _message(answer: httpx2.Response) -> str:
    return answer.text[:_ANSWER].strip()
