"""Bearer tokens: where a registry says they are had, for what, and for how long (distribution-spec's token auth)."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from caisson.errors import Unavailable
from caisson.oci.registry.challenge import Challenge
from caisson.oci.registry.credentials import Credentials

CLIENT_ID = "caisson"
_OK = 200
_LIFETIME = 60.0  # seconds, where the answer does not say (distribution's token specification)
_MARGIN = 0.8  # of a token's life; then a new one is asked for
_MAX_ANSWER = 1 << 20

Scopes = tuple[str, ...]
Send = Callable[[httpx2.Request], tuple[int, bytes]]
"""Gives the status and the body of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Token:
    value: str
    until: float


class Tokens:
    """Tokens of one registry, by scopes. Several threads may ask; for each set of scopes one token is fetched."""

    def __init__(self, *, credentials: Credentials | None, plain_http: bool, clock: Callable[[], float]) -> None:
        self._credentials = credentials
        self._plain_http = plain_http
        self._clock = clock
        self._known: dict[Scopes, _Token] = {}
        self._lock = threading.Lock()

    def known(self, scopes: Scopes) -> str | None:
        """Give a token that was fetched before and is still good."""
        token = self._known.get(scopes)
        return token.value if token is not None and self._clock() < token.until else None

    def fetch(self, challenge: Challenge, scopes: Scopes, *, refused: str | None, send: Send) -> str:
        """Fetch a token, unless another thread has just replaced the one that was `refused`.

        Raises:
            Unavailable: there is no token to be had.
        """
        with self._lock:
            known = self.known(scopes)
            if known is not None and known != refused:
                return known
            asked = self._clock()
            answer = self._ask(challenge, scopes, send)
            value = answer.get("token") or answer.get("access_token")
            if not isinstance(value, str) or not value.isascii() or not value.isprintable():
                raise Unavailable("the registry's token service answers without a token")
            lifetime = answer.get("expires_in")
            seconds = float(lifetime) if isinstance(lifetime, int) and lifetime > 0 else _LIFETIME
            self._known[scopes] = _Token(value=value, until=asked + seconds * _MARGIN)
            return value

    def _ask(self, challenge: Challenge, scopes: Scopes, send: Send) -> dict[str, Any]:
        realm = challenge.parameters.get("realm", "")
        try:
            url = httpx2.URL(realm)
        except httpx2.InvalidURL as cause:
            raise Unavailable("the registry names no token service that can be reached") from cause
        if url.scheme != "https" and not (url.scheme == "http" and self._plain_http):
            raise Unavailable(
                f"the registry's token service `{realm[:200]}` is not reached by HTTPS",
                hint="credentials are not sent in the clear",
            )
        asked = dict.fromkeys((*scopes, *challenge.parameters.get("scope", "").split()))
        status, raw = send(self._request(url, challenge.parameters.get("service", ""), tuple(asked)))
        if status != _OK:
            raise Unavailable(
                f"the registry's token service `{url.host}` answers {status}",
                hint="check the credentials: log in again with `docker login`",
            )
        try:
            value = json.loads(raw) if len(raw) <= _MAX_ANSWER else None
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Unavailable(f"the registry's token service `{url.host}` answers in no known form")
        return value

    def _request(self, url: httpx2.URL, service: str, scopes: Scopes) -> httpx2.Request:
        known = self._credentials
        if known is not None and known.identity_token:  # OAuth 2 (distribution's oauth specification)
            form = {
                "grant_type": "refresh_token",
                "service": service,
                "client_id": CLIENT_ID,
                "scope": " ".join(scopes),
                "refresh_token": known.identity_token,
            }
            return httpx2.Request("POST", url, data=form)
        query = url.params
        if service:
            query = query.set("service", service)
        for scope in scopes:
            query = query.add("scope", scope)
        headers = {}
        if known is not None and known.user:
            query = query.set("account", known.user)
            headers["Authorization"] = known.basic()
        return httpx2.Request("GET", url.copy_with(params=query), headers=headers)
