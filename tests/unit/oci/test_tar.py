import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.errors import ImageRejected, Rejected
from caisson.oci import tar
from caisson.oci.region import Region

GOOD_NAME = st.text(st.characters(blacklist_characters="/\x00", blacklist_categories=["Cs"]), min_size=1, max_size=60)
PATHS = st.lists(GOOD_NAME.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=4).map("/".join)
NUMBERS = st.integers(0, 1 << 40)


def write(path, *members):
    path.write_bytes(b"".join(tar.member(entry) + data + tar.padding(len(data)) for entry, data in members) + tar.end())
    return Region.of(path)


def read(path, raw):
    path.write_bytes(raw)
    return list(tar.read_archive(Region.of(path)))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("tar") / "archive.tar"


@settings(deadline=None)
@given(PATHS, st.integers(0, 0o7777), NUMBERS, NUMBERS, st.binary(max_size=1500), st.binary(min_size=1, max_size=99))
def test_what_was_written_is_read_back_by_us_and_by_the_standard_library(scratch, path, mode, uid, gid, data, xattr):
    entry = tar.Entry(
        path=path, kind=tar.Kind.FILE, mode=mode, uid=uid, gid=gid, size=len(data), xattrs={"user.a": xattr}
    )
    region = write(scratch, (entry, data))
    (back,) = tar.read_archive(region)
    assert back.content.read() == data
    assert tar.member(back) == tar.member(entry)
    with tarfile.open(scratch) as archive:
        (other,) = archive.getmembers()
        assert (other.name, other.mode, other.uid, other.gid) == (path, mode, uid, gid)
        assert archive.extractfile(other).read() == data


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_archives_of_the_standard_library_are_read(scratch, form):
    buffer = io.BytesIO()
    name = "d/" * 40 + "n" * (30 if form == tarfile.USTAR_FORMAT else 200)
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for kind, link in ((tarfile.REGTYPE, ""), (tarfile.SYMTYPE, "x" * 90), (tarfile.DIRTYPE, "")):
            member = tarfile.TarInfo(name + kind.decode())
            member.type, member.linkname, member.size = kind, link, 3 if kind == tarfile.REGTYPE else 0
            member.uid, member.mtime = 65534, 1_700_000_000
            archive.addfile(member, io.BytesIO(b"abc"))
    file, link, directory = read(scratch, buffer.getvalue())
    assert file.path == name + "0"
    assert file.content.read() == b"abc"
    assert (link.link, link.uid, link.mtime) == ("x" * 90, 65534, 1_700_000_000)
    assert directory.kind is tar.Kind.DIRECTORY


def raw_member(name=b"f", flag=b"0", size=0, link=b"", data=b""):
    block = bytearray(tar.member(tar.Entry(path="f", kind=tar.Kind.FILE)))
    block[:100] = name.ljust(100, b"\0")
    block[156:157] = flag
    block[157:257] = link.ljust(100, b"\0")
    block[124:136] = b"%011o\0" % size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data + tar.padding(len(data))


def pax(**records):
    from caisson.oci.tar.extended import encode

    body = encode({key.replace("__", ".").encode(): value for key, value in records.items()})
    return raw_member(flag=b"x", size=len(body), data=body)


END = tar.end()


@pytest.mark.parametrize(
    "raw",
    [
        raw_member(b"../f") + END,
        raw_member(b"a/../../f") + END,
        raw_member(b"f", b"1", link=b"../../etc/shadow") + END,
        pax(path=b"../f") + raw_member() + END,
        pax(path=b"a\0b") + raw_member() + END,
        pax(path=b"a") + pax(path=b"b") + raw_member() + END,
        pax(size=b"99999999999999999999") + raw_member() + END,
        pax(size=b"-1") + raw_member() + END,
        pax(GNU__sparse__major=b"1") + raw_member() + END,
        pax(path=b"a") + END,
        raw_member(flag=b"x", size=5, data=b"9 a=b") + raw_member() + END,
        raw_member(flag=b"x", size=6, data=b"99 a=b") + raw_member() + END,
        raw_member(flag=b"g", size=10, data=b"10 path=a\n") + raw_member() + END,
        raw_member(flag=b"x", size=1 << 30) + END,
        raw_member(flag=b"L", size=3, data=b"one") + raw_member(flag=b"L", size=3, data=b"two") + raw_member() + END,
        raw_member(flag=b"S", size=5, data=b"hello") + END,
        raw_member(flag=b"2") + END,
        raw_member(size=2000) + END,
        raw_member()[:-1],
        raw_member()[:100] + b"\1" + raw_member()[101:] + END,
        raw_member() + bytes(512) + raw_member() + END,
        b"no tar at all" * 100,
        b"\x00" * 256,
    ],
    ids=[
        "climbs", "climbs inside", "hard link climbs", "pax path climbs", "pax path with NUL", "pax path twice",
        "huge size", "negative size", "sparse", "pax without member", "pax record cut", "pax record too long",
        "global path", "huge extension", "long name twice", "old sparse", "link to nothing", "content cut",
        "header cut", "checksum", "goes on after zeros", "other", "half a block",
    ],
)  # fmt: skip
def test_a_hostile_archive_is_refused(scratch, raw):
    with pytest.raises(ImageRejected):
        read(scratch, raw)


def test_what_only_looks_odd_is_read(scratch):
    raw = raw_member(b"./a//b/") + raw_member(b"/etc/x") + raw_member(flag=b"g", size=13, data=b"13 comment=x\n")
    assert [entry.path for entry in read(scratch, raw + END)] == ["a/b", "etc/x"]
    assert [entry.path for entry in read(scratch, raw_member())] == ["f"]


BASE = pax(path=b"some/long/name") + raw_member(size=5, data=b"hello") + raw_member(b"l", b"2", link=b"f") + END


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(BASE) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(BASE)))
def test_a_mutated_archive_is_read_or_refused(scratch, changes, length):
    raw = bytearray(BASE)
    for position, value in changes:
        raw[position] = value
    try:
        entries = read(scratch, bytes(raw[:length]))
    except Rejected:
        return
    for entry in entries:
        assert ".." not in entry.path.split("/")
        assert not entry.path.startswith("/")
