"""The API server, as far as a webhook needs it: to put its certificate authority into its own configuration."""

import base64
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from caisson.errors import Rejected, Unavailable

_API = "/apis/admissionregistration.k8s.io/v1"
_KINDS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
_TIMEOUT = 10.0
_TRIES = 5
_CONFLICTS = (409, 422)  # 422: the `test` of the patch failed
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccess:
    """Where the API server is, its authority (PEM), and the file with the service account's token, which is renewed."""

    url: str
    authority: Path
    token: Path


class Cluster:
    """A connection to the API server."""

    def __init__(self, access: ClusterAccess, *, transport: httpx2.BaseTransport | None = None) -> None:
        self._access = access
        try:
            verify = ssl.create_default_context(cafile=access.authority)
        except OSError as cause:
            raise Unavailable(f"the cluster's authority `{access.authority}` cannot be read: {cause}") from cause
        self._client = httpx2.Client(base_url=access.url, verify=verify, timeout=_TIMEOUT, transport=transport)

    def change_bundles(self, name: str, change: Callable[[str], str]) -> None:
        """Change the `caBundle` of every webhook in the configurations of this name.

        Raises:
            Rejected: the API server does not let us.
            Unavailable: it does not answer, or others change it all the time.
        """
        for kind in _KINDS:
            self._change(f"{_API}/{kind}/{name}", change)

    def _change(self, path: str, change: Callable[[str], str]) -> None:
        for _ in range(_TRIES):
            found = self._ask("GET", path)
            document: dict[str, Any] = found.json()
            operations: list[dict[str, Any]] = [
                {
                    "op": "test",
                    "path": "/metadata/resourceVersion",
                    "value": document["metadata"]["resourceVersion"],
                }
            ]
            for index, webhook in enumerate(document.get("webhooks") or []):
                before = webhook["clientConfig"].get("caBundle") or ""
                after = base64.b64encode(change(base64.b64decode(before).decode(errors="replace")).encode()).decode()
                if after != before:
                    place = f"/webhooks/{index}/clientConfig/caBundle"
                    operations.append({"op": "add", "path": place, "value": after})
            if len(operations) == 1 or self._ask("PATCH", path, json=operations).status_code == _OK:
                return
        raise Unavailable(f"`{path}` is changed by others all the time")

    def _ask(self, method: str, path: str, **content: Any) -> httpx2.Response:
        try:
            token = self._access.token.read_text().strip()
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json-patch+json"}
            answer = self._client.request(method, path, headers=headers, **content)
        except (OSError, httpx2.HTTPError) as cause:
            raise Unavailable(f"the API server cannot be asked: {cause}") from cause
        if answer.status_code == _OK or (method == "PATCH" and answer.status_code in _CONFLICTS):
            return answer
        if answer.status_code in (401, 403, 404):
            raise Rejected(
                f"the API server answers {answer.status_code} to `{method} {path}`",
                hint="apply the files of `caisson webhook install`",
            )
        raise Unavailable(f"the API server answers {answer.status_code} to `{method} {path}`")
