"""Layers: tar archives that someone else made, read as they are and with their headers' checksums put right."""

import contextlib
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from caisson.errors import CaissonError
from caisson.oci import Descriptor, FileLayer, Limits, MediaType, Region, read_changes, tar
from caisson.oci.outline import outline
from caisson.oci.tar.extended import encode

LIMITS = Limits(entries=1000, layer_size=1 << 20)
BLOCK = 512
TEMPORARY = re.compile(r"^`[^`]*` ends early")


def check(raw):
    with tempfile.TemporaryDirectory() as directory:
        for number, each in enumerate((raw, repaired(raw))):
            path = Path(directory) / str(number)
            path.write_bytes(each)
            with contextlib.suppress(CaissonError):
                read(Region.of(path), Path(directory))


def read(archive, scratch):
    outlined = outline(archive.chunks(1000), scratch, large=BLOCK + 1)
    assert members(outlined.entries(lambda: archive)) == members(tar.read_archive(archive))
    descriptor = Descriptor(media_type=MediaType.LAYER, digest=archive.digest(), size=archive.size)
    layer = FileLayer(descriptor=descriptor, diff_id=descriptor.digest, blob=archive, scratch=scratch)
    for entry in read_changes(layer, limits=LIMITS).entries.values():
        if entry.content is not None:
            assert len(entry.content.read()) == entry.size


def members(entries):
    """Give what is read, with contents by their digests, up to what is refused, and why."""
    found = []
    try:
        for entry in entries:
            content = None if entry.content is None else (entry.content.digest(), entry.content.read())
            found.append((replace(entry, content=None), content))
    except CaissonError as error:
        found.append(TEMPORARY.sub("", error.message))
    return found


def repaired(raw):
    """Put the checksum right wherever a header may be, so that more than the checksum is tried."""
    blocks = bytearray(raw)
    for start in range(0, len(blocks) - BLOCK + 1, BLOCK):
        if blocks[start + 257 : start + 262] == b"ustar":
            blocks[start + 148 : start + 156] = b" " * 8
            blocks[start + 148 : start + 156] = b"%06o\0 " % sum(blocks[start : start + BLOCK])
    return bytes(blocks)


def extra_seeds():
    file = tar.Entry(path="a/b", kind=tar.Kind.FILE, mode=0o644, size=3, xattrs={"user.a": b"1"})
    plain = tar.member(file) + b"abc" + tar.padding(3)
    others = b"".join(
        tar.member(entry)
        for entry in (
            tar.Entry(path="a", kind=tar.Kind.DIRECTORY),
            tar.Entry(path="l" * 200, kind=tar.Kind.SYMBOLIC_LINK, link="a/b"),
            tar.Entry(path="d", kind=tar.Kind.CHARACTER_DEVICE, device=(1, 3)),
            tar.Entry(path=".wh.x", kind=tar.Kind.FILE),
            tar.Entry(path="a/.wh..wh..opq", kind=tar.Kind.FILE),
        )
    )
    hard = tar.member(tar.Entry(path="h", kind=tar.Kind.HARD_LINK, link="a/b"))
    large = b"".join(
        tar.member(tar.Entry(path=name, kind=tar.Kind.FILE, size=len(content))) + content + tar.padding(len(content))
        for name, content in (("big", b"x" * 6000), ("elf", b"\x7fELF" + b"y" * 5000), ("n" * 300, b"z" * 4097))
    )
    return [
        large + tar.end(),
        plain + tar.end(),
        others + tar.end(),
        plain + hard + tar.end(),
        pax_sparse(),
        gnu_sparse(),
    ]


def pax_sparse():
    records = encode(
        {
            b"GNU.sparse.major": b"1",
            b"GNU.sparse.minor": b"0",
            b"GNU.sparse.name": b"f",
            b"GNU.sparse.realsize": b"99",
        }
    )
    header = bytearray(tar.member(tar.Entry(path="x", kind=tar.Kind.FILE, size=len(records))))
    header[156:157] = b"x"
    stored = b"1\n9\n3\n".ljust(BLOCK, b"\0") + b"abc"
    member = tar.member(tar.Entry(path="f", kind=tar.Kind.FILE, size=len(stored)))
    return repaired(bytes(header)) + records + tar.padding(len(records)) + member + stored + tar.padding(3) + tar.end()


def gnu_sparse():
    header = bytearray(tar.member(tar.Entry(path="f", kind=tar.Kind.FILE, size=3)))
    header[156:157] = b"S"
    header[257:265] = b"ustar  \0"
    header[386:410] = b"%011o\0%011o\0" % (9, 3)
    header[483:495] = b"%011o\0" % 99
    return repaired(bytes(header)) + b"abc" + tar.padding(3) + tar.end()
