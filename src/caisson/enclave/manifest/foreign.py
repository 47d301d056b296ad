"""Reading anyone's manifest, whatever it says: from Gramine 1.2 on, and templates that are not rendered yet."""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from caisson.enclave import toml
from caisson.enclave.manifest.document import Manifest
from caisson.enclave.manifest.key import Key, Kind
from caisson.enclave.manifest.keys import KEYS, find
from caisson.errors import Malformed

_MOST_DEPTH = 12
_STATEMENT = re.compile(r"\s*\{%.*%\}\s*")
_BARE_EXPRESSION = re.compile(r"(?P<before>\s*[^=#]+=\s*)(?P<value>\{\{.*\}\})(?P<after>\s*(#.*)?)")
_EXPRESSION = "{{"
# Every table that keys stand in, which may be empty; the whole document is one.
_TABLES = frozenset({"", *(key.name[:at] for key in KEYS for at, letter in enumerate(key.name) if letter == ".")})
_ARRAYS = frozenset(key.name.partition("[]")[0] for key in KEYS if "[]" in key.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value: `path` is where it stands, `key` what is known of it, None if Gramine 1.9 has no such key."""

    path: str
    value: Any
    key: Key | None

    @property
    def fault(self) -> str | None:
        """What is wrong with it, or None; what a template still has to fill in cannot be wrong yet."""
        if self.key is None:
            return "is no key of Gramine 1.9"
        if is_template(self.value):
            return None
        return self.key.fault(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A manifest as it stands; `document` is what TOML gives, and nobody changes it."""

    document: dict[str, Any]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a manifest or a template of one.

        Raises:
            Malformed: not TOML, also after its expressions were taken for texts, or nested too deep.
        """
        foreign = cls(document=toml.read(_without_expressions(raw)))
        for _ in foreign.settings():
            pass
        return foreign

    def settings(self) -> Iterator[Setting]:
        """Give every value in the order in which it stands."""
        yield from _below("", self.document, 0)

    def raw(self, path: str) -> Any:
        """Give what stands at a path without arrays, None if nothing does."""
        found: Any = self.document
        for step in path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def get(self, path: str) -> Any:
        """Give the value at a path without arrays; Gramine's default where it is missing or of another type."""
        found, key = self.raw(path), find(path)
        if key is None or (found is not None and key.fault(found) is None):
            return found
        return [] if key.kind is Kind.TEXTS else key.default

    def tables(self, path: str) -> tuple[dict[str, Any], ...]:
        """Give the tables in an array of tables, or the values of a table of tables, as older versions had them."""
        found = self.raw(path)
        items = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        return tuple(item for item in items if isinstance(item, dict))

    def mounts(self) -> tuple[dict[str, Any], ...]:
        """Give what is mounted, the root last, with its path."""
        root = self.raw("fs.root")
        return (*self.tables("fs.mounts"), *([{"path": "/", **root}] if isinstance(root, dict) else []))

    def variables(self) -> dict[str, str | None]:
        """Give the environment: a value for each variable, None for one that the host passes in."""
        env = self.raw("loader.env")
        return {name: _value(setting) for name, setting in env.items()} if isinstance(env, dict) else {}

    def trusted(self) -> dict[str, str | None]:
        """Give the trusted files by URI, with their SHA-256 where it is known."""
        return {uri: digest for uri, digest in _files(self.raw("sgx.trusted_files")) if uri}

    def allowed(self) -> tuple[str, ...]:
        """Give the URIs of allowed files."""
        return tuple(uri for uri, _ in _files(self.raw("sgx.allowed_files")) if uri)

    def model(self) -> Manifest:
        """Give the same manifest as a model: what is left to Gramine's defaults is said, so its bytes are others.

        Raises:
            Malformed: a key or value that Gramine 1.9 does not have, or a trusted file whose hash is not known yet.
        """
        return Manifest.parse(write(_explicit(self)).encode())


def is_template(value: Any) -> bool:
    """Whether a value is one that a template still has to fill in."""
    return isinstance(value, str) and _EXPRESSION in value


def write(document: dict[str, Any]) -> str:
    """Write a document in our own part of TOML as far as it fits in; other values are written inline.

    An expression that stands for a number or a boolean is written without quotes, as templates have it.
    """
    return "\n".join(_tables("", document)).strip("\n") + "\n"


def spell(value: Any) -> str:
    """Write a value as TOML, in one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_spelled(key)} = {spell(held)}" for key, held in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(spell, value)) + "]"
    if isinstance(value, (str, bool, int)):
        return toml.write_value(value)
    return str(value)


def _without_expressions(raw: bytes) -> bytes:
    """Take a template's statements for nothing, and an expression that is a whole value for a text."""
    if _EXPRESSION.encode() not in raw and b"{%" not in raw:
        return raw
    lines = []
    for line in raw.decode(errors="replace").split("\n"):
        if _STATEMENT.fullmatch(line):
            lines.append("")
        elif match := _BARE_EXPRESSION.fullmatch(line):
            lines.append(f"{match['before']}{json.dumps(match['value'])}{match['after']}")
        else:
            lines.append(line)
    return "\n".join(lines).encode()


def _below(path: str, value: Any, depth: int) -> Iterator[Setting]:
    if depth > _MOST_DEPTH:
        raise Malformed(f"manifest is nested too deep: `{path[:80]}`")
    key = find(path)
    if isinstance(value, dict) and (value or path in _TABLES):
        for name, below in value.items():
            step = name if toml.is_bare_key(name) else json.dumps(name)
            yield from _below(f"{path}.{step}" if path else step, below, depth + 1)
    elif isinstance(value, list) and key is None and value:
        for number, item in enumerate(value):
            yield from _below(f"{path}[{number}]", item, depth + 1)
    elif value != [] or path not in _ARRAYS:
        yield Setting(path=path, value=value, key=key)


def _value(setting: Any) -> str | None:
    if isinstance(setting, dict):
        setting = setting.get("value")
    return setting if isinstance(setting, str) else None


def _files(found: Any) -> Iterator[tuple[str, str | None]]:
    """Read a list of files in any of its spellings: texts, tables with `uri`, or, before 1.2, a table of texts."""
    items = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    for item in items:
        uri, digest = (item.get("uri"), item.get("sha256")) if isinstance(item, dict) else (item, None)
        yield uri if isinstance(uri, str) else "", digest if isinstance(digest, str) else None


def _explicit(foreign: Foreign) -> dict[str, Any]:
    """Say what Caisson's manifests always say."""
    document: dict[str, Any] = copy.deepcopy(foreign.document)
    if not all(isinstance(table, dict) for table in document.values()):
        raise Malformed("manifest has values outside of tables")
    for key in KEYS:
        table, _, name = key.name.rpartition(".")
        if key.written and key.default is not None and "[]" not in key.name and table != "fs.root":
            within = document
            for step in table.split("."):
                within = within.setdefault(step, {})
                if not isinstance(within, dict):
                    raise Malformed(f"manifest has `{table}`, which is not a table")
            within.setdefault(name, key.default)
    loader, sgx = document["loader"], document["sgx"]
    if loader.keys().isdisjoint({"argv", "argv_src_file", "insecure__use_cmdline_argv"}):
        loader["argv"] = [document.get("libos", {}).get("entrypoint", "")]
    variables = foreign.variables()
    loader["env"] = {name: {"passthrough": True} if value is None else value for name, value in variables.items()}
    sgx["trusted_files"] = [{"uri": uri, "sha256": digest or ""} for uri, digest in foreign.trusted().items()]
    mounts, root = document["fs"].get("mounts", []), document["fs"].get("root")
    if root is not None:
        document["fs"]["root"] = _typed(root)
    document["fs"]["mounts"] = [_typed(mount) for mount in mounts] if isinstance(mounts, list) else mounts
    return document


def _typed(mount: Any) -> Any:
    return {"type": "chroot", **mount} if isinstance(mount, dict) else mount


def _tables(name: str, table: dict[str, Any]) -> Iterator[str]:
    plain = {key: value for key, value in table.items() if not _is_table(value)}
    if name and (plain or not table):
        yield f"[{name}]"
    yield from (f"{_spelled(key)} = {_whole(name, key, value)}" for key, value in plain.items())
    if plain:
        yield ""
    for key, value in table.items():
        path = f"{name}.{_spelled(key)}" if name else _spelled(key)
        if isinstance(value, dict):
            yield from _tables(path, value)
        elif _is_table(value):
            for item in value:
                yield f"[[{path}]]"
                yield from (f"{_spelled(inner)} = {spell(held)}" for inner, held in item.items())
                yield ""


def _is_table(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(isinstance(item, dict) for item in items)


def _whole(table: str, key: str, value: Any) -> str:
    known = find(f"{table}.{key}")
    bare = known is not None and known.kind in (Kind.BOOLEAN, Kind.INTEGER)
    return str(value) if bare and is_template(value) else spell(value)


def _spelled(key: str) -> str:
    return key if toml.is_bare_key(key) else json.dumps(key)
