"""Writes archives in one spelling: ustar headers, pax records only where something does not fit, no names of users."""

from caisson.oci.tar import extended
from caisson.oci.tar.entry import Entry, Kind
from caisson.oci.tar.header import BLOCK, Header, fits_octal

_NAME = 100
_SIZE_DIGITS = 11
_ID_DIGITS = 7
_PAX_NAME = b"pax"


def member(entry: Entry) -> bytes:
    """Give the header of a member; its content and `padding` follow."""
    name = entry.path.encode(errors="surrogateescape") or b"."
    if entry.kind is Kind.DIRECTORY:
        name += b"/"
    link = entry.link.encode(errors="surrogateescape")
    records = {extended.XATTR + key.encode(errors="surrogateescape"): value for key, value in entry.xattrs.items()}
    if len(name) > _NAME or not name.isascii():
        records[b"path"] = name
    if len(link) > _NAME or not link.isascii():
        records[b"linkpath"] = link
    numbers = ((b"size", entry.size, _SIZE_DIGITS), (b"uid", entry.uid, _ID_DIGITS), (b"gid", entry.gid, _ID_DIGITS))
    records |= {key: b"%d" % value for key, value, digits in numbers if not fits_octal(value, digits)}
    header = Header(
        name=name[:_NAME],
        mode=entry.mode,
        uid=entry.uid,
        gid=entry.gid,
        size=entry.size,
        mtime=entry.mtime,
        flag=entry.kind.value,
        link=link[:_NAME],
        device=entry.device,
    )
    return _extension(records) + header.encode()


def padding(size: int) -> bytes:
    """Give the zeros that fill the last block of a content of `size` bytes."""
    return bytes(-size % BLOCK)


def end() -> bytes:
    """Give the two blocks of zeros that end an archive."""
    return bytes(2 * BLOCK)


def _extension(records: dict[bytes, bytes]) -> bytes:
    if not records:
        return b""
    body = extended.encode(records)
    header = Header(
        name=_PAX_NAME, mode=0o644, uid=0, gid=0, size=len(body), mtime=0, flag=b"x", link=b"", device=(0, 0)
    )
    return header.encode() + body + padding(len(body))
