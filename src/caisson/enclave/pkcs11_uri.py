"""The name of a key in a token: a PKCS #11 URI (RFC 7512)."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote_to_bytes

from caisson.errors import UsageError

SCHEME = "pkcs11:"

_TEXTS = frozenset({"token", "serial", "manufacturer", "model", "object"})
_PATH = _TEXTS | {"id", "type"}
_QUERY = frozenset({"module-path", "pin-source"})
_VALUE = re.compile(r"(?:[A-Za-z0-9._~\-:\[\]@!$'()*+,=&/?|]|%[0-9A-Fa-f]{2})*")
_EXAMPLE = "write `pkcs11:token=TOKEN;object=LABEL?module-path=/usr/lib/softhsm/libsofthsm2.so`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkcs11Uri:
    """Which key of which token, through which module; what is absent is not compared.

    `pin_source` is a file with the PIN. A PIN itself is never part of it: command lines and logs are read by others.
    """

    module_path: Path
    token: str | None = None
    serial: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    object: str | None = None
    id: bytes | None = None
    pin_source: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI.

        Raises:
            UsageError: not such a URI, an attribute that is unknown or occurs twice, no module, or no name of a key.
        """
        if not text.startswith(SCHEME):
            raise UsageError("not a PKCS #11 URI", hint=_EXAMPLE)
        path, _, query = text.removeprefix(SCHEME).partition("?")
        if re.search(r"(?:^|&)pin-value=", query):
            raise UsageError(
                "a PIN has no place in a URI, which other users of the machine can read",
                hint="name a file with `pin-source=file:/…`",
            )
        found = _attributes(path, ";", _PATH) | _attributes(query, "&", _QUERY)
        if found.get("type", b"private") != b"private":
            raise UsageError("PKCS #11 URI names something else than a private key", hint=_EXAMPLE)
        if not {"object", "id"} & found.keys():
            raise UsageError("PKCS #11 URI names no key: it has neither `object` nor `id`", hint=_EXAMPLE)
        texts = {name: _text(value, name) for name, value in found.items() if name != "id"}
        if "module-path" not in texts:
            raise UsageError("PKCS #11 URI names no module", hint=_EXAMPLE)
        pin_source = texts.get("pin-source")
        return cls(
            module_path=_absolute(texts["module-path"], "module-path"),
            id=found.get("id"),
            pin_source=None if pin_source is None else _absolute(pin_source.removeprefix("file:"), "pin-source"),
            **{name: texts[name] for name in _TEXTS & texts.keys()},
        )


def _attributes(part: str, separator: str, known: frozenset[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for attribute in part.split(separator) if part else ():
        name, equals, value = attribute.partition("=")
        if name not in known or not equals:
            raise UsageError(f"PKCS #11 URI has an attribute `{name[:40]}` that is not understood here", hint=_EXAMPLE)
        if name in found or _VALUE.fullmatch(value) is None:
            raise UsageError(f"PKCS #11 URI has `{name}` twice, or with characters to be escaped", hint=_EXAMPLE)
        found[name] = unquote_to_bytes(value)
    return found


def _text(value: bytes, name: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as cause:
        raise UsageError(f"PKCS #11 URI has a `{name}` that is not UTF-8") from cause


def _absolute(path: str, name: str) -> Path:
    """Require a path that does not depend on where, or by whom, the command is started."""
    if not path.startswith("/") or "\0" in path:
        raise UsageError(f"PKCS #11 URI has a `{name}` that is not an absolute path", hint=_EXAMPLE)
    return Path(path)
