"""The forms in which a placeholder can ask for a secret: `{{ secret:NAME | FORM }}`."""

import hashlib
from base64 import b64encode
from collections.abc import Callable

from caisson.errors import UsageError

Entropy = Callable[[int], bytes]

_SALT_SIZE = 12  # Mosquitto 2.0 takes no other
_SQL = str.maketrans({"'": "''", "\\": "\\\\", "\n": "\\n", "\r": "\\r"})
_ROUNDS = 1000  # a password out of 32 random characters needs no slow hash


def _base64(value: bytes, _entropy: Entropy) -> bytes:
    return b64encode(value)


def _hexadecimal(value: bytes, _entropy: Entropy) -> bytes:
    return value.hex().encode()


def _mosquitto(value: bytes, entropy: Entropy) -> bytes:
    """Hash as Mosquitto 2 does in its password files: `$7$rounds$salt$PBKDF2-HMAC-SHA512`, both in Base64."""
    salt = entropy(_SALT_SIZE)
    digest = hashlib.pbkdf2_hmac("sha512", value, salt, _ROUNDS)
    return b"$7$%d$%s$%s" % (_ROUNDS, b64encode(salt), b64encode(digest))


def _sql(value: bytes, _entropy: Entropy) -> bytes:
    """Escape for between single quotes: as MariaDB reads `'…'`, and PostgreSQL `E'…'`, in UTF-8.

    What ends a line is escaped, too: both read a statement line by line when they start.
    """
    try:
        text = value.decode()
    except UnicodeDecodeError:
        # The cause would carry the value.
        text = "\0"
    if "\0" in text:
        raise UsageError("has a NUL or bytes that are no UTF-8, and cannot be written in SQL")
    return text.translate(_SQL).encode()


FORMS: dict[str, Callable[[bytes, Entropy], bytes]] = {
    "base64": _base64,
    "hex": _hexadecimal,
    "mosquitto": _mosquitto,
    "sql": _sql,
}
