"""A Docker engine that is not there, for commands that need one."""

import io
import struct
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import httpx2
import pytest

from caisson.engine import api
from caisson.platform import measure, sign_enclave
from tests.guest import PRODUCTION, signing_key

IMAGE_ID = "sha256:" + "ab" * 32
MR_ENCLAVE = measure((b"redis".ljust(64, b"\0"),))


@pytest.fixture(scope="module")
def archive():
    """A SIGSTRUCT as an engine gives files of containers."""
    content = sign_enclave(
        signing_key(), mr_enclave=MR_ENCLAVE, attributes=PRODUCTION, isv_prod_id=17, isv_svn=1
    ).encode()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        member = tarfile.TarInfo("app.sig")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


@dataclass
class Engine:
    """Answers by method and path, what a request changes, and what it was asked."""

    answers: dict[tuple[str, str], httpx2.Response] = field(default_factory=dict)
    then: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        key = (request.method, request.url.path)
        self.asked.append(key)
        self.requests.append(request)
        if key in self.then:
            self.then[key]()
        answer = self.answers.get(key)
        if answer is None:
            return httpx2.Response(404, json={"message": "no such thing"})
        return httpx2.Response(answer.status_code, content=answer.content)

    def says(self, method, path, status=200, **content):
        self.answers[method, path] = httpx2.Response(status, **content)

    def holds(self, reference, **changes):
        """Hold a confidential image."""
        config = {
            "User": "101:102",
            "Labels": {"org.caisson.tmpfs": "/run/caisson"},
            "Volumes": {"/data": {}},
            "Entrypoint": ["/.caisson/premain"],
        }
        self.says("GET", f"/images/{reference}/json", json={"Id": IMAGE_ID, "Config": config | changes})

    def ends_with(self, status, output=b""):
        """Let the next container say something and end."""
        self.says("POST", "/containers/create", 201, json={"Id": "c1"})
        self.says("POST", "/containers/c1/start", 204)
        frame = struct.pack(">BxxxI", 2, len(output)) + output
        self.says("GET", "/containers/c1/logs", content=frame)
        self.says("POST", "/containers/c1/wait", json={"StatusCode": status})
        self.says("DELETE", "/containers/c1", 204)

    def runs(self, *names, beside=None, **changes):
        """Run confidential containers with a volume each; `beside` names the one for which another is there."""
        beside = beside or {}
        self.says("DELETE", "/volumes/its-data", 204)
        for of in beside.values():
            self.says("DELETE", f"/networks/caisson-{of}", 204)
        left = {}

        def remove(name):
            left.pop(name, None)
            self.says("GET", "/containers/json", json=list(left.values()))

        for name in names:
            labels = {"org.caisson.beside": beside[name]} if name in beside else None
            left[name] = self._listed(name, labels, beside.get(name, name if name in beside.values() else None))
            self.state(name, labels=labels, **changes)
            self.says("POST", f"/containers/{name}/stop", 204)
            self.says("DELETE", f"/containers/{name}", 204)
            self.then["DELETE", f"/containers/{name}"] = partial(remove, name)
        self.says("GET", "/containers/json", json=list(left.values()))

    @staticmethod
    def _listed(name, labels, main):
        mounts = [{"Type": "bind", "Source": "/s"}, {"Type": "volume", "Name": "its-data"}]
        networks = None if main is None else {f"caisson-{main}": {}}
        found = {"Names": [f"/{name}"], "Id": name, "Mounts": mounts, "Labels": labels}
        return found | {"NetworkSettings": {"Networks": networks}}

    def state(self, name, *, terminal=False, env=(), ports=None, name_of_image=None, labels=None, **state):
        """Describe a container."""
        config = {
            "Labels": {"org.caisson.tmpfs": "/run/caisson"} | (labels or {}),
            "Tty": terminal,
            "Image": name_of_image or f"caisson/{name}:latest",
            "Env": list(env),
            "Entrypoint": ["/.caisson/premain"],
        }
        running = {"Status": "running", "Pid": 7, "ExitCode": 0, "StartedAt": "2026-11-23T12:00:00.5Z"}
        found = {"Id": name, "Name": f"/{name}", "Image": IMAGE_ID, "Config": config, "State": running | state}
        self.says("GET", f"/containers/{name}/json", json=found | {"NetworkSettings": {"Ports": ports}})

    def ended(self, name, code):
        """Let a container have ended."""
        self.state(name, Status="exited", Pid=0, ExitCode=code, FinishedAt="2026-11-23T12:00:09.5Z")


@pytest.fixture
def engine(monkeypatch, tmp_path):
    engine = Engine()
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine")
    monkeypatch.setenv("CAISSON_HOME", str(tmp_path / "home"))
    client = httpx2.Client

    def connect(**options):
        return client(**options | {"transport": httpx2.MockTransport(engine.handle)})

    monkeypatch.setattr(api.httpx2, "Client", connect)
    return engine
