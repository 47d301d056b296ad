"""A secret value in memory: shown by nobody, compared in constant time."""

import hmac
import re
from typing import NoReturn

from caisson.errors import UsageError

SECRET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
MAX_SECRET_SIZE = 256 * 1024


class Secret:
    """Bytes that `repr`, `str`, formatting, logging and pickling do not show.

    The bytes come out through `reveal` only, so that every place where a secret leaves its type
    can be found by one word. Python cannot promise to wipe them (see docs/reference/keyserver-api.md).
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """Give the bytes; from here on the caller keeps them secret."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __repr__(self) -> str:
        return "Secret(redacted)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


def check_secret_name(name: str) -> str:
    """Give `name` back if a secret may be called so.

    Raises:
        UsageError: other characters than `a-z`, `0-9`, `-`, `_`, or longer than 63.
    """
    if not SECRET_NAME.fullmatch(name):
        raise UsageError(
            f"`{name[:80]}` is not a name for a secret",
            hint="use at most 63 of a-z, 0-9, - and _, beginning and ending with a letter or digit",
        )
    return name
