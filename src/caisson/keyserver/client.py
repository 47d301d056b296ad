"""The operators' API from the other side."""

import re
import ssl
from collections.abc import Iterator
from typing import Any, Self

import httpx2

from caisson.errors import (
    AuditRejected,
    CaissonError,
    EvidenceRejected,
    Malformed,
    NonceRejected,
    Rejected,
    SignatureRejected,
    TokenRejected,
    TooMany,
    Unavailable,
    Unknown,
    UsageError,
)
from caisson.keyserver.audit import AuditHead
from caisson.keyserver.generation import Generation
from caisson.keyserver.http.operators import MOST_AUDIT_LINES, PREFIX
from caisson.keyserver.records import RecordInfo
from caisson.keyserver.secret import Secret, check_secret_name
from caisson.keyserver.tokens import TokenInfo
from caisson.keyserver.workload import Workload
from caisson.protocol import canonical
from caisson.web import VERSION

_TIMEOUT_SECONDS = 30.0
_SEGMENT = re.compile(r"[a-z0-9_-]{1,63}")
_OK = range(200, 300)
_CODES: dict[str, type[CaissonError]] = {
    "malformed": Malformed,
    "too-large": Malformed,
    "usage": UsageError,
    "token-rejected": TokenRejected,
    "nonce-rejected": NonceRejected,
    "evidence-rejected": EvidenceRejected,
    "policy-rejected": Rejected,
    "rejected": Rejected,
    "unknown": Unknown,
    "workload-unknown": Unknown,
    "too-many": TooMany,
    "unavailable": Unavailable,
    "bug": Unavailable,
}


class KeyServerClient:
    """An operator's connection; without a token it can only ask what anyone may."""

    def __init__(self, http: httpx2.Client, *, token: Secret | None = None) -> None:
        self._http = http
        self._headers = {} if token is None else {"authorization": f"Bearer {token.reveal().decode('latin-1').strip()}"}

    @classmethod
    def connect(cls, url: str, *, ca: str, token: Secret | None = None) -> Self:
        """Prepare a connection to a server whose certificate was signed by `ca` (PEM), and by no other authority.

        Raises:
            UsageError: not an `https` URL, or not a certificate.
        """
        if not url.startswith("https://"):
            raise UsageError(f"`{url}` is not the URL of a key server", hint="give an `https://` URL")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_verify_locations(cadata=ca)
        except (ssl.SSLError, ValueError) as cause:
            raise UsageError(
                "the key server's CA is not a PEM certificate", hint="its server prints it: `caisson keyserver ca`"
            ) from cause
        http = httpx2.Client(
            base_url=url, verify=context, trust_env=False, follow_redirects=False, timeout=_TIMEOUT_SECONDS
        )
        return cls(http, token=token)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def identity(self) -> bytes:
        """Give the server's identity key (DER)."""
        return _octets(self._json("GET", "/v1/identity"), "server_key")

    def ca(self) -> str:
        """Give the CA certificate in PEM; it is only as true as the connection."""
        return self._request("GET", "/v1/ca").text

    def set_workload(self, workload: Workload) -> RecordInfo:
        """Store a workload.

        Raises:
            Unknown: it names a secret that does not exist.
            UsageError: a secret does not fit where it should go.
        """
        document = workload.model_dump(mode="json")
        return _record_info(self._json("PUT", f"{PREFIX}/workloads/{_segment(workload.name)}", document), "workload")

    def workloads(self) -> tuple[RecordInfo, ...]:
        """List all workloads."""
        return _record_infos(self._json("GET", f"{PREFIX}/workloads"), "workloads")

    def workload(self, name: str) -> tuple[RecordInfo, Workload]:
        """Give a workload in its newest version.

        Raises:
            Unknown: there is none.
        """
        found = self._json("GET", f"{PREFIX}/workloads/{_segment(name)}")
        return _record_info(found, "workload"), Workload.parse(_member(found, "document", dict))

    def remove_workload(self, name: str) -> None:
        """End a workload.

        Raises:
            Unknown: there is none.
        """
        self._json("DELETE", f"{PREFIX}/workloads/{_segment(name)}")

    def set_secret(self, name: str, value: Secret) -> RecordInfo:
        """Store the next version of a secret.

        Raises:
            UsageError: a name or value that no secret may have.
        """
        body = {"value": canonical.base64_text(value.reveal())}
        return _record_info(self._json("PUT", _secret_path(name), body), "secret")

    def generate_secret(self, name: str, generation: Generation, *, if_absent: bool = False) -> tuple[RecordInfo, bool]:
        """Let the server make a secret, and tell whether it did; with `if_absent` an existing one is kept."""
        body = {
            "kind": generation.kind.value,
            "length": generation.length,
            "alphabet": generation.alphabet,
            "if_absent": if_absent,
        }
        found = self._json("POST", f"{_secret_path(name)}/generate", body)
        return _record_info(found, "secret"), _member(found, "made", bool)

    def secrets(self) -> tuple[RecordInfo, ...]:
        """List all secrets, without their values."""
        return _record_infos(self._json("GET", f"{PREFIX}/secrets"), "secrets")

    def secret_info(self, name: str) -> RecordInfo:
        """Tell what may be known of a secret.

        Raises:
            Unknown: there is none.
        """
        return _record_info(self._json("GET", _secret_path(name)), "secret")

    def reveal_secret(self, name: str, version: int | None = None) -> Secret:
        """Give a secret's value; the server's audit log says that you asked.

        Raises:
            Unknown: there is none.
        """
        return Secret(_octets(self._json("POST", f"{_secret_path(name)}/reveal", {"version": version}), "value"))

    def remove_secret(self, name: str) -> None:
        """Destroy all versions of a secret.

        Raises:
            Unknown: there is none.
            UsageError: a workload needs it.
        """
        self._json("DELETE", _secret_path(name))

    def create_token(self, name: str) -> tuple[TokenInfo, Secret]:
        """Make a token for another operator."""
        found = self._json("POST", f"{PREFIX}/tokens", {"name": name})
        value = Secret(_member(found, "value", str).encode())
        return _token_info(_member(found, "token", dict)), value

    def tokens(self) -> tuple[TokenInfo, ...]:
        """List the valid tokens."""
        found = self._json("GET", f"{PREFIX}/tokens")
        return tuple(_token_info(_member({"token": item}, "token", dict)) for item in _member(found, "tokens", list))

    def revoke_token(self, identifier: str) -> None:
        """End a token.

        Raises:
            Unknown: there is none.
        """
        self._json("DELETE", f"{PREFIX}/tokens/{_segment(identifier)}")

    def audit_lines(self, *, after: int = -1) -> Iterator[bytes]:
        """Give the audit log's records that follow number `after` in their exact bytes, page by page."""
        while page := self._request(
            "GET", f"{PREFIX}/audit", query={"after": after, "limit": MOST_AUDIT_LINES}
        ).content.splitlines():
            yield from page
            after += len(page)

    def audit_head(self) -> AuditHead:
        """Give the audit log's head, which the server signed.

        Raises:
            AuditRejected: it did not.
        """
        signed = _member(self._json("GET", f"{PREFIX}/audit/head"), "envelope", dict)
        try:
            return AuditHead.verify(signed, server_key=self.identity())
        except (Malformed, SignatureRejected) as cause:
            raise AuditRejected(f"the audit log's head is not signed by the server: {cause.message}") from cause

    def _json(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        response = self._request(method, path, body)
        try:
            value = response.json()
        except ValueError as cause:
            raise Unavailable("the key server's answer is not JSON", hint="is this a key server?") from cause
        if not isinstance(value, dict) or value.get("version") != VERSION:
            raise Unavailable("the key server's answer has another version", hint="use programs of the same version")
        return value

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, query: dict[str, int] | None = None
    ) -> httpx2.Response:
        try:
            response = self._http.request(method, path, json=body, params=query, headers=self._headers)
        except httpx2.HTTPError as cause:
            raise Unavailable(
                f"the key server at {self._http.base_url} does not answer: {cause}",
                hint="check `--server` and `--ca`, and that it runs",
            ) from cause
        if response.status_code not in _OK:
            raise _refusal(response)
        return response


def _refusal(response: httpx2.Response) -> CaissonError:
    try:
        error = response.json()["error"]
        kind, message, hint = _CODES[error["code"]], str(error["message"]), error.get("hint")
    except (ValueError, LookupError, TypeError, AttributeError):
        return Unavailable(f"the key server answers with status {response.status_code}", hint="is this a key server?")
    return kind(message, hint=str(hint) if hint else None)


def _segment(name: str) -> str:
    # Checked here, because a URL with `..` in it would be another path before the server saw it.
    if not _SEGMENT.fullmatch(name):
        raise UsageError(f"`{name[:80]}` is not a name", hint="names have a-z, 0-9, - and _")
    return name


def _secret_path(name: str) -> str:
    return f"{PREFIX}/secrets/{check_secret_name(name)}"


def _record_infos(value: dict[str, Any], name: str) -> tuple[RecordInfo, ...]:
    return tuple(_record_info({name: item}, name) for item in _member(value, name, list))


def _record_info(value: dict[str, Any], name: str) -> RecordInfo:
    item = _member(value, name, dict)
    return RecordInfo(
        name=_member(item, "name", str),
        version=_member(item, "version", int),
        label=_member(item, "label", str),
        size=_member(item, "size", int),
        created=_member(item, "created", int),
    )


def _token_info(item: dict[str, Any]) -> TokenInfo:
    return TokenInfo(
        identifier=_member(item, "identifier", str),
        name=_member(item, "name", str),
        created=_member(item, "created", int),
    )


def _octets(value: dict[str, Any], name: str) -> bytes:
    try:
        return canonical.unbase64(_member(value, name, str), what=name)
    except Malformed as cause:
        raise Unavailable(f"the key server's answer is malformed: {cause.message}") from None


def _member(value: dict[str, Any], name: str, kind: type[Any]) -> Any:
    found = value.get(name)
    if not isinstance(found, kind):
        raise Unavailable(f"the key server's answer lacks `{name}`", hint="use programs of the same version")
    return found
