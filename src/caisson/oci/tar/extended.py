"""Pax records: what does not fit into a header (POSIX.1-2001, pax, "pax Extended Header")."""

from dataclasses import dataclass, field
from typing import TypeVar

from caisson.errors import ImageRejected

XATTR = b"SCHILY.xattr."
_SPARSE = b"GNU.sparse."
_SPARSE_FORM = {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0"}
_MAX_NUMBER = 1 << 62
_T = TypeVar("_T")


@dataclass(slots=True)
class Extension:
    """What the blocks before a member say about it; None where they say nothing.

    Each thing may be said once: readers disagree on which of two statements counts.
    """

    path: bytes | None = None
    link: bytes | None = None
    size: int | None = None
    uid: int | None = None
    gid: int | None = None
    mtime: int | None = None
    sparse_path: bytes | None = None
    sparse_size: int | None = None
    sparse_form: set[bytes] = field(default_factory=set)
    xattrs: dict[str, bytes] = field(default_factory=dict)
    used: bool = False

    def records(self, raw: bytes) -> None:
        """Take pax records; those that say nothing about the member are ignored, as the standard wants.

        Raises:
            ImageRejected: malformed or contradictory records, or a sparse file in an older form.
        """
        seen: set[bytes] = set()
        for key, value in _records(raw):
            if key in seen:
                raise ImageRejected(f"archive has the pax record {key[:80]!r} twice")
            seen.add(key)
            self._record(key, value)

    def set_path(self, value: bytes) -> None:
        """Take the member's path."""
        self.path = self._once(self.path, value)

    def set_link(self, value: bytes) -> None:
        """Take the link's target."""
        self.link = self._once(self.link, value)

    def _record(self, key: bytes, value: bytes) -> None:
        match key:
            case b"path":
                self.set_path(value)
            case b"linkpath":
                self.set_link(value)
            case b"size":
                self.size = self._once(self.size, _integer(value, "size"))
            case b"uid":
                self.uid = self._once(self.uid, _integer(value, "uid"))
            case b"gid":
                self.gid = self._once(self.gid, _integer(value, "gid"))
            case b"mtime":
                self.mtime = self._once(self.mtime, _integer(value.partition(b".")[0].removeprefix(b"-"), "mtime"))
            case _ if key.startswith(_SPARSE):
                self._sparse_record(key, value)
            case _ if key.startswith(XATTR):
                self.xattrs[key.removeprefix(XATTR).decode(errors="surrogateescape")] = value
                self.used = True

    def _sparse_record(self, key: bytes, value: bytes) -> None:
        match key.removeprefix(_SPARSE):
            case b"name":
                self.sparse_path = self._once(self.sparse_path, value)
            case b"realsize":
                self.sparse_size = self._once(self.sparse_size, _integer(value, "size"))
            case _ if _SPARSE_FORM.get(key) == value:
                self.sparse_form.add(key)
                self.used = True
            case _:
                raise ImageRejected(
                    "archive holds a sparse file in an older form", hint="write it with `--sparse-version=1.0`"
                )

    @property
    def is_sparse(self) -> bool:
        """Whether the member is a sparse file of pax's form 1.0.

        Raises:
            ImageRejected: that is said by halves.
        """
        said = (self.sparse_path is not None, self.sparse_size is not None, len(self.sparse_form) == len(_SPARSE_FORM))
        if any(said) != all(said) or (self.sparse_form and not all(said)):
            raise ImageRejected("archive describes a sparse file by halves")
        return all(said)

    def _once(self, old: _T | None, new: _T) -> _T:
        if old is not None:
            raise ImageRejected("archive describes a member twice")
        self.used = True
        return new


def encode(records: dict[bytes, bytes]) -> bytes:
    """Write records, sorted by key."""
    return b"".join(_record(key, value) for key, value in sorted(records.items()))


def _record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    while len(str(length)) + len(body) != length:  # the length counts its own digits
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def _records(raw: bytes) -> list[tuple[bytes, bytes]]:
    records, position = [], 0
    while position < len(raw):
        digits, space, _ = raw[position : position + 12].partition(b" ")
        length = _integer(digits, "record length") if space else 0
        body = raw[position + len(digits) + 1 : position + length]
        key, equals, value = body[:-1].partition(b"=")
        if position + length > len(raw) or body[-1:] != b"\n" or not equals or not key:
            raise ImageRejected("archive has a malformed pax record")
        records.append((key, value))
        position += length
    return records


def _integer(digits: bytes, what: str) -> int:
    if not digits.isdigit() or len(digits) > len(str(_MAX_NUMBER)) or int(digits) > _MAX_NUMBER:
        raise ImageRejected(f"archive has a pax record with an impossible {what}")
    return int(digits)
