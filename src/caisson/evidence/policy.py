"""The appraisal policy: what is acceptable, said in full (docs/reference/policy.md).

Every field is required, unknown ones are errors, and an empty list accepts nothing.
"""

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any, Self

from caisson.errors import Malformed
from caisson.evidence.roots import INTEL_SGX_ROOT, RootKey
from caisson.evidence.tcb import MOST_EVALUATION_NUMBER, TcbStatus
from caisson.protocol import ServerKeyHash
from caisson.sgx import MrEnclave, MrSigner

VERSION = 1
INTEL_ROOT_NAME = "intel-sgx"

_TEE = "sgx"
_MOST_BYTES = 1 << 20
_MOST_U16 = 0xFFFF
_ADVISORY = re.compile(r"INTEL-[A-Z]{2}-\d{5}")
_NEVER = frozenset({TcbStatus.REVOKED, TcbStatus.NOT_SUPPORTED})
_HINT = "see docs/reference/policy.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclaveRule:
    """One enclave that is acceptable: exactly one measurement, one signer's product from an SVN on, or both at once."""

    mr_enclave: MrEnclave | None = None
    mr_signer: MrSigner | None = None
    isv_prod_id: int | None = None
    minimum_isv_svn: int | None = None

    def __post_init__(self) -> None:
        product = (self.isv_prod_id is None, self.minimum_isv_svn is None)
        if self.mr_enclave is None and (self.mr_signer is None or any(product)):
            raise Malformed(
                "policy: an entry of `enclaves` names neither `mrenclave` nor all of `mrsigner`, `isv_prod_id`, "
                "`minimum_isv_svn`",
                hint=_HINT,
            )

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read one entry of `enclaves`.

        Raises:
            Malformed: unknown members, or too few to name an enclave.
        """
        fields = _Fields(value, "policy: an entry of `enclaves`")
        mr_enclave, mr_signer = fields.text("mrenclave", None), fields.text("mrsigner", None)
        rule = cls(
            mr_enclave=None if mr_enclave is None else MrEnclave.from_hex(mr_enclave),
            mr_signer=None if mr_signer is None else MrSigner.from_hex(mr_signer),
            isv_prod_id=fields.optional_number("isv_prod_id", _MOST_U16),
            minimum_isv_svn=fields.optional_number("minimum_isv_svn", _MOST_U16),
        )
        fields.finish()
        return rule

    def members(self) -> dict[str, str | int]:
        """Give what the rule says, as it stands in the file."""
        values = {
            "mrenclave": None if self.mr_enclave is None else str(self.mr_enclave),
            "mrsigner": None if self.mr_signer is None else str(self.mr_signer),
            "isv_prod_id": self.isv_prod_id,
            "minimum_isv_svn": self.minimum_isv_svn,
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What evidence must be to be accepted.

    `advisories` are those that a platform's TCB level may name; `key_servers` the identity keys whose provisioning
    is accepted. `REVOKED` and `NOT_SUPPORTED` can never be among `tcb_statuses`.
    """

    roots: frozenset[RootKey]
    tcb_statuses: frozenset[TcbStatus]
    advisories: frozenset[str]
    allow_debug: bool
    minimum_tcb_evaluation_data_number: int
    key_servers: frozenset[ServerKeyHash]
    enclaves: tuple[EnclaveRule, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a policy in TOML.

        Raises:
            Malformed: not TOML, a field that is missing, unknown or wrong.
        """
        if len(raw) > _MOST_BYTES:
            raise Malformed(f"policy has {len(raw)} bytes, more than {_MOST_BYTES}")
        try:
            value = tomllib.loads(raw.decode())
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as cause:
            raise Malformed(f"policy is not TOML: {cause}", hint=_HINT) from cause
        fields = _Fields(value, "policy")
        if fields.number("version", _MOST_U16) != VERSION:
            raise Malformed(f"policy has a version other than {VERSION}", hint=_HINT)
        if fields.text("tee") != _TEE:
            raise Malformed(f"policy is for another TEE than `{_TEE}`", hint=_HINT)
        policy = cls(
            roots=frozenset(_root(item) for item in fields.texts("roots")),
            tcb_statuses=frozenset(_status(item) for item in fields.texts("tcb_statuses")),
            advisories=frozenset(_advisory(item) for item in fields.texts("advisories")),
            allow_debug=fields.boolean("allow_debug"),
            minimum_tcb_evaluation_data_number=fields.number(
                "minimum_tcb_evaluation_data_number", MOST_EVALUATION_NUMBER
            ),
            key_servers=frozenset(ServerKeyHash.from_hex(item) for item in fields.texts("key_servers")),
            enclaves=tuple(EnclaveRule.parse(item) for item in fields.items("enclaves")),
        )
        fields.finish()
        return policy

    def encode(self) -> str:
        """Write the policy in TOML; `Policy.parse(policy.encode().encode()) == policy`."""
        lines = [
            f"version = {VERSION}",
            f'tee = "{_TEE}"',
            f"roots = {_list(INTEL_ROOT_NAME if root == INTEL_SGX_ROOT else str(root) for root in self.roots)}",
            f"tcb_statuses = {_list(self.tcb_statuses)}",
            f"advisories = {_list(self.advisories)}",
            f"allow_debug = {json.dumps(self.allow_debug)}",
            f"minimum_tcb_evaluation_data_number = {self.minimum_tcb_evaluation_data_number}",
            f"key_servers = {_list(map(str, self.key_servers))}",
        ]
        if not self.enclaves:
            lines.append("enclaves = []")
        for rule in self.enclaves:
            lines += ["", "[[enclaves]]", *(f"{name} = {json.dumps(value)}" for name, value in rule.members().items())]
        return "\n".join(lines) + "\n"


class _Fields:
    """Takes typed members out of a table, and refuses those nobody asked for."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{what} is not a table", hint=_HINT)
        self._left = dict(value)
        self._what = what

    def text(self, name: str, *default: None) -> Any:
        return self._take(name, str, *default)

    def boolean(self, name: str) -> bool:
        return bool(self._take(name, bool))

    def number(self, name: str, most: int) -> int:
        value: int = self._take(name, int)
        if not 0 <= value <= most:
            raise Malformed(f"{self._what}: `{name}` is not between 0 and {most}", hint=_HINT)
        return value

    def optional_number(self, name: str, most: int) -> int | None:
        return self.number(name, most) if name in self._left else None

    def items(self, name: str) -> list[Any]:
        value: list[Any] = self._take(name, list)
        return value

    def texts(self, name: str) -> list[str]:
        items = self.items(name)
        if not all(isinstance(item, str) for item in items):
            raise Malformed(f"{self._what}: `{name}` is not a list of strings", hint=_HINT)
        return items

    def finish(self) -> None:
        if self._left:
            names = ", ".join(f"`{name[:40]}`" for name in sorted(self._left))
            raise Malformed(f"{self._what} has unknown members: {names}", hint=_HINT)

    def _take(self, name: str, kind: type, *default: None) -> Any:
        if name not in self._left:
            if default:
                return default[0]
            raise Malformed(f"{self._what} lacks `{name}`; every field is required", hint=_HINT)
        value = self._left.pop(name)
        if type(value) is not kind:
            raise Malformed(f"{self._what}: `{name}` is not of type {kind.__name__}", hint=_HINT)
        return value


def _root(text: str) -> RootKey:
    if text == INTEL_ROOT_NAME:
        return INTEL_SGX_ROOT
    if text.lstrip().startswith("-----BEGIN"):
        return RootKey.of_pem(text.encode())
    return RootKey.from_hex(text)


def _status(text: str) -> TcbStatus:
    known = [status.value for status in TcbStatus if status not in _NEVER]
    if text not in known:
        raise Malformed(
            f"policy: `{text[:40]}` is no TCB status that can be accepted", hint=f"one of {', '.join(known)}"
        )
    return TcbStatus(text)


def _advisory(text: str) -> str:
    if not _ADVISORY.fullmatch(text):
        raise Malformed(f"policy: `{text[:40]}` is no advisory such as `INTEL-SA-00615`", hint=_HINT)
    return text


def _list(items: Any) -> str:
    return json.dumps(sorted(items))
