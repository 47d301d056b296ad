"""The forms in which a placeholder can ask for a secret: `{{ secret:NAME | FORM }}`."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote_from_bytes

from caisson.errors import UsageError

Entropy = Callable[[int], bytes]

# All but those of a bearer token (RFC 6750, 2.1), of which none ends a word, a line or a text between quotes.
_NOT_PLAIN = re.compile(rb"[^A-Za-z0-9._~+/=-]")
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


def _plain(value: bytes, _entropy: Entropy) -> bytes:
    """Take only what means itself, whatever the format of the text around it."""
    if _NOT_PLAIN.search(value):
        raise UsageError(
            "has other characters than letters, digits and `._~+/=-`, which could mean something in the text around it",
            hint="a line end counts, too: set another value, or give the placeholder a form that the text's format has",
        )
    return value


def _raw(value: bytes, _entropy: Entropy) -> bytes:
    return value


def _redis(value: bytes, _entropy: Entropy) -> bytes:
    """Escape for between double quotes, as Redis reads its configuration."""
    return _NOT_PLAIN.sub(lambda found: b"\\x%02x" % ord(found[0]), value)


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


def _url(value: bytes, _entropy: Entropy) -> bytes:
    """Write for a part of a URL: percent signs for all but what RFC 3986, 2.3, leaves as it is."""
    return quote_from_bytes(value, safe="").encode()


FORMS: dict[str, Callable[[bytes, Entropy], bytes]] = {
    "base64": _base64,
    "hex": _hexadecimal,
    "mosquitto": _mosquitto,
    "plain": _plain,
    "raw": _raw,
    "redis": _redis,
    "sql": _sql,
    "url": _url,
}
