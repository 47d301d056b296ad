"""Credentials that people already have: Docker's `config.json`, `auth.json` (containers-auth.json(5)), helpers."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caisson.errors import Malformed, Unavailable, UsageError
from caisson.oci import document
from caisson.oci.registry.name import DOCKER_HUB, RegistryName

_HUB_KEYS = ("docker.io", "index.docker.io", "registry-1.docker.io", "index.docker.io/v1")
_HUB_SERVER = "https://index.docker.io/v1/"
_HELPER = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HELPER_SECONDS = 60
_NOT_FOUND = "credentials not found"
_TOKEN_USER = "<token>"  # noqa: S105 - what helpers give in the place of a user's name


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """Who asks: a user and password, an identity token for OAuth 2, or a registry's own token. Never shown."""

    user: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:
        return "Credentials(redacted)"

    def basic(self) -> str:
        """Give the value of an `Authorization` header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialStore:
    """Looks credentials up in files, in their order, the first that has some wins."""

    files: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @classmethod
    def usual(cls, auth_file: Path | None, environment: Mapping[str, str]) -> "CredentialStore":
        """Look where other tools do.

        `auth_file`, or $REGISTRY_AUTH_FILE, stands alone. Otherwise: `containers/auth.json` in $XDG_RUNTIME_DIR and in
        the configuration directory, then `config.json` in $DOCKER_CONFIG or `~/.docker`.

        Raises:
            UsageError: the file that was asked for does not exist.
        """
        named = auth_file or (Path(named) if (named := environment.get("REGISTRY_AUTH_FILE")) else None)
        if named is not None:
            if not named.is_file():
                raise UsageError(f"there is no file `{named}` with credentials")
            return cls(files=(named,), environment=environment)
        home = Path(environment.get("HOME") or "/nonexistent")
        configuration = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        docker = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
        files = [configuration / "containers" / "auth.json", docker / "config.json"]
        if runtime := environment.get("XDG_RUNTIME_DIR"):
            files.insert(0, Path(runtime) / "containers" / "auth.json")
        return cls(files=tuple(files), environment=environment)

    def find(self, name: RegistryName) -> Credentials | None:
        """Give the credentials for a repository, or None.

        Raises:
            UsageError: a file is not what it should be.
            Unavailable: a credential helper failed.
        """
        for file in self.files:
            if file.is_file() and (found := self._look(file, name)) is not None:
                return found
        return None

    def _look(self, file: Path, name: RegistryName) -> Credentials | None:
        try:
            members = document.decode_object(file.read_bytes(), what=f"`{file}`")
            helpers, auths = members.text_map("credHelpers"), members.optional("auths", dict) or {}
            store = members.text("credsStore")
        except OSError as cause:
            raise UsageError(f"`{file}` cannot be read: {cause.strerror}") from cause
        except Malformed as error:
            raise UsageError(error.message, hint="write it anew with `docker login`") from error
        hosts = _HUB_KEYS if name.host == DOCKER_HUB else (name.host,)
        server = _HUB_SERVER if name.host == DOCKER_HUB else name.host
        for host in hosts:
            if (helper := helpers.get(host)) is not None:
                return self._ask(helper, server)
        if store and (found := self._ask(store, server)) is not None:
            return found
        known = {_normal(key): value for key, value in auths.items()}
        for key in _keys(hosts, name.repository):
            if isinstance(entry := known.get(key), dict) and (found := _read_entry(entry, file)) is not None:
                return found
        return None

    def _ask(self, helper: str, server: str) -> Credentials | None:
        """Ask a program `docker-credential-…`, as Docker does (docker-credential-helpers, README)."""
        if _HELPER.fullmatch(helper) is None:
            raise UsageError(f"`{helper[:80]}` is no name of a credential helper")
        program = f"docker-credential-{helper}"
        try:
            run = subprocess.run(  # noqa: S603 - the user's own configuration names it, and its name has no path
                [program, "get"],
                input=server.encode(),
                capture_output=True,
                timeout=_HELPER_SECONDS,
                env=dict(self.environment),
                check=False,
            )
        except FileNotFoundError as cause:
            raise Unavailable(
                f"`{program}` is not installed", hint="install it, or take it out of the file with credentials"
            ) from cause
        except (OSError, subprocess.TimeoutExpired) as cause:
            raise Unavailable(f"`{program}` gives no answer") from cause
        if run.returncode:
            if _NOT_FOUND in run.stdout.decode(errors="replace"):
                return None
            raise Unavailable(f"`{program}` failed for `{server}`", hint=f"try `echo {server} | {program} get`")
        try:
            answer = json.loads(run.stdout)
            user, secret = str(answer["Username"]), str(answer["Secret"])
        except (ValueError, KeyError, TypeError) as cause:
            raise Unavailable(f"`{program}` answers in no known form") from cause
        return Credentials(identity_token=secret) if user == _TOKEN_USER else Credentials(user=user, password=secret)


def _keys(hosts: tuple[str, ...], repository: str) -> Iterator[str]:
    """Give the keys under which credentials may stand, the most specific first (containers-auth.json(5))."""
    for host in hosts:
        path = repository
        while path:
            yield f"{host}/{path}"
            path = path.rpartition("/")[0]
        yield host


def _normal(key: str) -> str:
    """Give a key as newer tools write it: Docker wrote URLs, with the version of the API."""
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, slash, rest = bare.partition("/")
    return host if slash and rest in {"v1", "v2"} and host not in _HUB_KEYS else bare


def _read_entry(entry: Mapping[str, Any], file: Path) -> Credentials | None:
    if token := entry.get("registrytoken"):
        return Credentials(registry_token=str(token))
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if auth := entry.get("auth"):
        try:
            user, colon, password = base64.b64decode(str(auth), validate=True).decode().partition(":")
        except ValueError as cause:  # no Base64, or no text in it
            raise UsageError(f"`{file}` has an `auth` that is not Base64") from cause
        if not colon:
            raise UsageError(f"`{file}` has an `auth` that is not USER:PASSWORD")
        password = password.rstrip("\x00")
    if token := entry.get("identitytoken"):
        return Credentials(user=user, identity_token=str(token))
    return Credentials(user=user, password=password) if user else None
