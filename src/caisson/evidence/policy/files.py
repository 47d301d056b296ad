"""Policies as files: TOML for people, JSON for programs. Which policy it is, its `tee` says."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from caisson.errors import Malformed
from caisson.evidence.policy.kinds import HINT
from caisson.evidence.signed_json import Fields

VERSION_1, VERSION_2, VERSION_3, VERSION_4 = 1, 2, 3, 4
_MOST_BYTES = 1 << 20


def read_file(raw: bytes, *, what: str = "policy") -> dict[str, Any]:
    """Read the table that a policy, or `what` else, is, in TOML or JSON; JSON begins with a brace, and no TOML does.

    Raises:
        Malformed: more than a mebibyte, or neither of both.
    """
    if len(raw) > _MOST_BYTES:
        raise Malformed(f"{what} has {len(raw)} bytes, more than {_MOST_BYTES}")
    if raw.lstrip().startswith(b"{"):
        return Fields.parse(raw, what=what).value
    try:
        return tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as cause:  # numbers with too many digits are no `TOMLDecodeError`
        raise Malformed(f"{what} is not TOML: {cause}", hint=HINT) from cause


def take_head(table: dict[str, Any], *, tee: str, versions: tuple[int, ...]) -> int:
    """Take `version` and `tee` out of a table, and give the version.

    Raises:
        Malformed: they are missing, or others than these.
    """
    for name in ("version", "tee"):
        if name not in table:
            raise Malformed(f"policy lacks `{name}`; every field is required", hint=HINT)
    version, found = table.pop("version"), table.pop("tee")
    if type(version) is not int or version not in versions:
        known = " and ".join(map(str, versions))
        raise Malformed(f"policy has a version that does not exist for `{tee}`; there is {known}", hint=HINT)
    if found != tee:
        raise Malformed(f"policy is for another TEE than `{tee}`", hint=HINT)
    return version


def write_file(table: dict[str, Any]) -> str:
    """Write a table in TOML: values first, then tables and lists of tables."""
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    deep = {name for name, value in table.items() if isinstance(value, dict) or _is_list_of_tables(value)}
    for name, value in table.items():
        if name not in deep:
            yield f"{name} = {json.dumps(value)}"
    for name, value in table.items():
        if name in deep:
            inner = (*path, name)
            begin, end, parts = ("[[", "]]", value) if isinstance(value, list) else ("[", "]", [value])
            for part in parts:
                yield ""
                yield f"{begin}{'.'.join(inner)}{end}"
                yield from _lines(part, inner)


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
