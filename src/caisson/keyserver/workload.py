"""The workload document: for which evidence which secrets go where. It holds names of secrets, never values."""

import re
import tomllib
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from caisson.errors import Malformed
from caisson.evidence import Policy
from caisson.keyserver.ca import DNS_NAME, LEAF_LIFETIME, MOST_LEAF_LIFETIME, SubjectNames
from caisson.keyserver.secret import SECRET_NAME
from caisson.keyserver.template import Template
from caisson.protocol import WORKLOAD_NAME
from caisson.web import describe

_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_VARIABLE = re.compile(r"(?!LD_|CAISSON_)[A-Za-z_][A-Za-z0-9_]*")
_OCTAL = re.compile(r"0?[0-7]{3}")
_ALL_PERMISSIONS = 0o777
_MOST_PATH = 4096
_HOUR = timedelta(hours=1)
MOST_LIFETIME_HOURS = MOST_LEAF_LIFETIME // _HOUR


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"is not {what}")
        return text

    return AfterValidator(check)


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL")
    return text


def _address(value: object) -> object:
    # Of a number an address would be made, too; and the library's own error repeats what was given.
    try:
        return ip_address(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("is not an address") from None


def _octal(value: object) -> object:
    return int(value, 8) if isinstance(value, str) and _OCTAL.fullmatch(value) else value


def _plain_path(path: str) -> str:
    parts = path.split("/")
    if parts[0] or len(parts) < 2 or any(part in ("", ".", "..") for part in parts[1:]) or len(path) > _MOST_PATH:  # noqa: PLR2004 - a path below the root
        raise ValueError("is not an absolute path without empty, `.` or `..` segments")
    return _no_nul(path)


def _literal(text: str) -> str:
    if "{{" in text:
        raise ValueError("is an argument, which everybody on the host can read: it takes no placeholder")
    return _no_nul(text)


def _template(text: str) -> str:
    try:
        Template.parse(text, what="text")
    except Malformed as cause:
        raise ValueError(f"{cause.message.removeprefix('text ')}; {cause.hint}") from cause
    return text


_SecretName = Annotated[str, _matching(SECRET_NAME, "a name for a secret")]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class FileTemplate(_Document):
    """A file for the guest; `mode` are permission bits (integer or octal digits), `content` may have placeholders."""

    path: Annotated[str, AfterValidator(_plain_path)]
    mode: Annotated[int, BeforeValidator(_octal), Field(strict=True, ge=0, le=_ALL_PERMISSIONS)] = 0o400
    content: Annotated[str, AfterValidator(_template)]


class WorkloadCertificate(_Document):
    """What the workload's certificate says besides its SPIFFE ID, and how long each one lives."""

    dns: tuple[Annotated[str, _matching(DNS_NAME, "a DNS name in lower case, without wildcards")], ...] = ()
    ip: tuple[Annotated[IPv4Address | IPv6Address, BeforeValidator(_address)], ...] = ()
    lifetime_hours: Annotated[int, Field(strict=True, ge=1, le=MOST_LIFETIME_HOURS)] = LEAF_LIFETIME // _HOUR

    @property
    def subject_names(self) -> SubjectNames:
        """The names as the certificate authority takes them."""
        return SubjectNames(dns=self.dns, ip=self.ip)

    @property
    def lifetime(self) -> timedelta:
        """How long the certificate lives."""
        return self.lifetime_hours * _HOUR


class Workload(_Document):
    """One workload: the policy its evidence is appraised by (TOML text), and the template of its bundle."""

    name: Annotated[str, _matching(WORKLOAD_NAME, "a name for a workload")]
    policy: str
    fs_keys: dict[Annotated[str, _matching(_KEY_NAME, "a name for a file-system key")], _SecretName] = {}
    file: tuple[FileTemplate, ...] = ()
    env: dict[
        Annotated[str, _matching(_VARIABLE, "a variable that may be set")],
        Annotated[str, AfterValidator(_no_nul), AfterValidator(_template)],
    ] = {}
    argv: tuple[Annotated[str, AfterValidator(_literal)], ...] = ()
    certificate: WorkloadCertificate = WorkloadCertificate()

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Self:
        """Read a document, and check all that can be checked without the secrets.

        Raises:
            Malformed: not a workload; all faults are named, no value is repeated.
        """
        try:
            workload = cls.model_validate(document)
        except ValidationError as error:
            raise Malformed(f"workload: {describe(error)}") from None
        read_policy(workload.policy)
        _refuse_nested_files(file.path for file in workload.file)
        return workload

    @classmethod
    def parse_toml(cls, text: str, *, policy: str | None = None) -> Self:
        """Read a document in TOML, whose policy may be given apart.

        Raises:
            Malformed: not TOML, or not a workload, or one with two policies.
        """
        try:
            document = tomllib.loads(text)
        except (ValueError, RecursionError) as cause:  # numbers with too many digits are no `TOMLDecodeError`
            raise Malformed(f"workload is not TOML: {cause}") from cause
        if policy is not None and "policy" in document:
            raise Malformed("workload has a policy of its own beside the one that was given")
        return cls.parse(document if policy is None else {**document, "policy": policy})

    @property
    def secrets(self) -> frozenset[str]:
        """The names of all secrets its bundle needs."""
        texts = (*(file.content for file in self.file), *self.env.values())
        return frozenset(self.fs_keys.values()).union(*(Template.parse(text, what="text").secrets for text in texts))


@lru_cache(maxsize=256)
def read_policy(text: str) -> Policy:
    """Read a workload's policy; it is the same one at each activation.

    Raises:
        Malformed: it is none.
    """
    return Policy.parse(text.encode())


def _refuse_nested_files(paths: Iterable[str]) -> None:
    seen = sorted(PurePosixPath(path) for path in paths)
    for before, after in pairwise(seen):
        if before == after or before in after.parents:
            raise Malformed(f"workload: file `{after}` lies at or below another file `{before}`")
