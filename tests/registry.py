"""A registry in memory, with faults to order: what the distribution specification asks for, and what goes wrong."""

import json
import re
from collections import deque
from collections.abc import Callable
from hashlib import sha256
from threading import RLock

import httpx2

from caisson.oci import Retry

IMPATIENT = Retry(sleep=lambda _: None, jitter=lambda: 0.5)
HOST = "registry.test"
INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = re.compile(r"/v2/(?P<repository>.+)/manifests/(?P<reference>[^/]+)")
_REFERRERS = re.compile(r"/v2/(?P<repository>.+)/referrers/(?P<digest>sha256:[0-9a-f]{64})")
_BLOB = re.compile(r"/v2/(?P<repository>.+)/blobs/(?P<digest>sha256:[0-9a-f]{64})")
_START = re.compile(r"/v2/(?P<repository>.+)/blobs/uploads/")
_UPLOAD = re.compile(r"/v2/(?P<repository>.+)/blobs/uploads/(?P<number>[0-9]+)")

Fault = Callable[[httpx2.Request], httpx2.Response | Exception | None]
"""Answers in the registry's place, breaks the connection, or lets a request pass (None)."""


class CutStream(httpx2.SyncByteStream):
    """A body that breaks off."""

    def __init__(self, content, after):
        self._content, self._after = content, after

    def __iter__(self):
        yield self._content[: self._after]
        raise httpx2.ReadError("the connection broke")


class MemoryRegistry(httpx2.BaseTransport):
    """Blobs and manifests by repository; with `referrers`, their API, two a page.

    `seen` are the requests so far; each fault in `faults` may strike once.
    """

    def __init__(self, *, referrers=False):
        self._has_referrers = referrers
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.uploads: dict[str, bytes] = {}
        self.faults: deque[Fault] = deque()
        self.seen: list[httpx2.Request] = []
        self._lock = RLock()

    def strike(self, method, pattern, effect):
        """Order a fault for the next request whose method and path fit."""

        def fault(request):
            if request.method == method and re.search(pattern, request.url.path):
                return effect(request) if callable(effect) else effect
            return None

        self.faults.append(fault)

    def count(self, method, pattern=""):
        return sum(1 for each in self.seen if each.method == method and re.search(pattern, each.url.path))

    def handle_request(self, request):
        """Answer with a body that is still to be read, as a real connection does."""
        answer = self._answer(request)
        if answer.is_stream_consumed:
            return httpx2.Response(answer.status_code, headers=answer.headers, stream=httpx2.ByteStream(answer.content))
        return answer

    def _answer(self, request):
        with self._lock:
            self.seen.append(request)
            for fault in list(self.faults):
                if (effect := fault(request)) is not None:
                    self.faults.remove(fault)
                    if isinstance(effect, Exception):
                        raise effect
                    return effect
            return self._handle(request)

    def _handle(self, request):
        path = request.url.path
        for pattern, handle in (
            (_START, self._start),
            (_UPLOAD, self._upload),
            (_BLOB, self._blob),
            (_MANIFEST, self._manifest),
            (_REFERRERS, self._referrers),
        ):
            if (found := pattern.fullmatch(path)) is not None:
                return handle(request, **found.groupdict())
        return httpx2.Response(200 if path == "/v2/" else 404)

    def _start(self, request, repository):
        digest, origin = request.url.params.get("mount"), request.url.params.get("from")
        if digest is not None and (origin, digest) in self.blobs:
            self.blobs[repository, digest] = self.blobs[origin, digest]
            return httpx2.Response(201)
        number = str(len(self.seen))
        self.uploads[number] = b""
        return self._progress(repository, number, 202)

    def _progress(self, repository, number, status):
        size = len(self.uploads[number])
        headers = {"Location": f"/v2/{repository}/blobs/uploads/{number}", "Range": f"0-{max(0, size - 1)}"}
        return httpx2.Response(status, headers=headers)

    def _upload(self, request, repository, number):
        if number not in self.uploads:
            return httpx2.Response(404)
        if request.method == "GET":
            return self._progress(repository, number, 204)
        if request.method == "PATCH":
            start = int(request.headers["Content-Range"].partition("-")[0])
            if start != len(self.uploads[number]):
                return httpx2.Response(416)
            self.uploads[number] += request.read()
            return self._progress(repository, number, 202)
        raw = self.uploads.pop(number) + request.read()
        digest = request.url.params["digest"]
        if digest != f"sha256:{sha256(raw).hexdigest()}":
            return httpx2.Response(400, json={"errors": [{"code": "DIGEST_INVALID", "message": "other digest"}]})
        self.blobs[repository, digest] = raw
        return httpx2.Response(201)

    def _blob(self, request, repository, digest):
        raw = self.blobs.get((repository, digest))
        if raw is None:
            return httpx2.Response(404)
        if request.method == "HEAD":
            return httpx2.Response(200, headers={"Content-Length": str(len(raw))})
        if (wanted := request.headers.get("Range")) is not None:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers = {"Content-Range": f"bytes {start}-{len(raw) - 1}/{len(raw)}"}
            return httpx2.Response(206, headers=headers, content=raw[start:])
        return httpx2.Response(200, content=raw)

    def _manifest(self, request, repository, reference):
        if request.method == "PUT":
            raw = request.read()
            digest = f"sha256:{sha256(raw).hexdigest()}"
            for name in {digest, reference}:
                self.manifests[repository, name] = (request.headers["Content-Type"], raw)
            headers = {"Docker-Content-Digest": digest}
            if self._has_referrers and (subject := json.loads(raw).get("subject")):
                headers["OCI-Subject"] = subject["digest"]
            return httpx2.Response(201, headers=headers)
        found = self.manifests.get((repository, reference))
        if found is None:
            return httpx2.Response(404, json={"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]})
        return httpx2.Response(200, headers={"Content-Type": found[0]}, content=found[1])

    def _referrers(self, request, repository, digest):
        if not self._has_referrers:
            return httpx2.Response(404)
        start = int(request.url.params.get("start", 0))
        found = []
        for (owner, name), (media_type, raw) in sorted(self.manifests.items()):
            document = json.loads(raw)
            if owner == repository and ":" in name and document.get("subject", {}).get("digest") == digest:
                found.append(
                    {
                        "mediaType": media_type,
                        "digest": name,
                        "size": len(raw),
                        "artifactType": document.get("artifactType"),
                    }
                )
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": found[start : start + 2]}
        headers = {"Content-Type": INDEX}
        if start + 2 < len(found):
            headers["Link"] = f'<{request.url.path}?start={start + 2}>; rel="next"'
        return httpx2.Response(200, headers=headers, content=json.dumps(index).encode())
