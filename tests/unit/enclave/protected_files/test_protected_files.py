"""Gramine's encrypted files: the same bytes for two implementations, and no change that goes unnoticed."""

import io
import itertools
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.enclave.protected_files import FileKey, Header, Reader, encrypt, normal_path
from caisson.errors import FileRejected, UsageError
from tests.unit.enclave.protected_files import small

RAW_KEY = bytes(range(16))
KEY = FileKey(RAW_KEY)
NODE = 4096
# In content bytes: nothing, inside and at the end of the metadata, a node, a branch, a second level of branches.
EDGES = [0, 1, 3071, 3072, 3073, 7168, 7169, 3072 + 96 * NODE, 3073 + 96 * NODE, 3072 + 33 * 96 * NODE + 5]


def encrypted(content, path="data/file"):
    target = io.BytesIO()
    assert encrypt(io.BytesIO(content), target, KEY, path=path, random=os.urandom) == len(content)
    return target.getvalue()


def decrypted(raw, key=KEY, path=None):
    return b"".join(Reader(io.BytesIO(raw), key, path=path).blocks())


@pytest.fixture(scope="module")
def content():
    return random.Random(7).randbytes(3072 + 100 * NODE + 17)


@pytest.fixture(scope="module")
def good(content):
    return encrypted(content)


@pytest.mark.parametrize("size", EDGES)
def test_what_is_written_is_read_back_by_both_implementations(size):
    content = random.Random(size).randbytes(size)
    raw = encrypted(content)
    assert decrypted(raw) == content
    assert small.read(raw, RAW_KEY) == ("data/file", content)


@pytest.mark.parametrize("size", EDGES)
def test_what_another_implementation_wrote_is_read(size):
    content = random.Random(size).randbytes(size)
    raw = small.write(content, RAW_KEY, "a/b")
    reader = Reader(io.BytesIO(raw), KEY, path="a/b")
    assert (reader.path, reader.size) == ("a/b", size)
    assert b"".join(reader.blocks()) == content


@settings(max_examples=30)
@given(
    st.integers(0, 20_000),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=150).map("/{}".format),
)
def test_any_size_and_path(size, path):
    content = random.Random(size).randbytes(size)
    raw = encrypted(content, path)
    assert small.read(raw, RAW_KEY) == (normal_path(path), content)
    assert decrypted(raw, path=path) == content


def test_version_1_is_read(good, content):
    # It had no flags: everything behind them was one byte further up.
    old = good[:8] + b"\1" + good[9:58] + good[59:4096] + b"\0" + good[4096:]
    assert Header.parse(old[:NODE])[0].version == 1
    assert decrypted(old) == content


def test_nothing_is_encrypted_twice_in_the_same_way(content):
    one, other = encrypted(content), encrypted(content)
    nodes = [raw[at : at + NODE] for raw in (one, other) for at in range(0, len(raw), NODE)]
    assert len(set(nodes)) == len(nodes)


def test_few_branches_in_memory_are_enough(monkeypatch):
    monkeypatch.setattr("caisson.enclave.protected_files.reader._KEPT", 2)
    content = random.Random(1).randbytes(3072 + 40 * 96 * NODE)
    reader = Reader(io.BytesIO(encrypted(content)), KEY)
    assert b"".join(reader.blocks()) == content
    assert len(reader._branches) <= 2


def test_a_stream_that_gives_little_at_a_time_is_read_whole(content):
    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 1000))

    target = io.BytesIO()
    encrypt(Slow(content), target, KEY, path="p", random=os.urandom)
    assert decrypted(target.getvalue()) == content


PLACES = {
    "magic": 3,
    "version": 8,
    "minor version": 9,
    "nonce": 20,
    "tag of the metadata": 50,
    "flags": 58,
    "path": 70,
    "size": 59 + 772,
    "key of the root": 59 + 780,
    "first bytes": 59 + 900,
    "padding": 4000,
    "root branch": NODE + 5,
    "first data block": 2 * NODE + 5,
    "last data block of the root": 97 * NODE + 5,
    "second branch": 98 * NODE + 5,
    "last data block": 102 * NODE + 4000,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("bit", [0, 7])
def test_one_flipped_bit_is_noticed(good, place, bit):
    bad = bytearray(good)
    bad[place] ^= 1 << bit
    with pytest.raises(FileRejected):
        decrypted(bytes(bad))


def test_blocks_before_a_changed_one_are_given_and_none_from_it_on(good, content):
    bad = bytearray(good)
    bad[7 * NODE] ^= 1  # data block 5
    given_out = []
    with pytest.raises(FileRejected, match="data block 5"):
        given_out.extend(Reader(io.BytesIO(bytes(bad)), KEY).blocks())
    read = b"".join(given_out)
    assert read in (b"", content[: 3072 + 5 * NODE])


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations([0, 1, 2, 3, 98, 99], 2)))
def test_swapped_nodes_are_noticed(good, one, other):
    nodes = [good[at : at + NODE] for at in range(0, len(good), NODE)]
    nodes[one], nodes[other] = nodes[other], nodes[one]
    with pytest.raises(FileRejected):
        decrypted(b"".join(nodes))


@pytest.mark.parametrize("length", [0, 100, NODE, 2 * NODE, -NODE, -1])
def test_a_file_that_was_cut_off_is_noticed(good, length):
    with pytest.raises(FileRejected):
        decrypted(good[:length])


def test_a_file_that_was_lengthened_is_noticed(good):
    with pytest.raises(FileRejected, match="lengthened"):
        decrypted(good + bytes(NODE))


def test_nodes_of_another_file_under_the_same_key_are_noticed(good, content):
    other = encrypted(content)
    for place in (0, 1, 2, 98):
        with pytest.raises(FileRejected):
            decrypted(good[: place * NODE] + other[place * NODE : (place + 1) * NODE] + good[(place + 1) * NODE :])


def test_another_key_opens_nothing(good):
    with pytest.raises(FileRejected, match="another key"):
        decrypted(good, FileKey(bytes(16)))


def test_another_path_opens_nothing(good):
    with pytest.raises(FileRejected, match="written for the path `data/file`"):
        decrypted(good, path="data/other")


def test_a_write_that_was_cut_off_is_told(good):
    with pytest.raises(FileRejected, match="cut off") as caught:
        decrypted(good[:58] + b"\1" + good[59:])
    assert "recover" in caught.value.hint


def test_a_path_that_is_no_text_is_refused():
    raw = small.write(b"", RAW_KEY, "xy")
    nonce, done = raw[10:42], raw[59 : 59 + 3884] + raw[42:58]
    gcm = small.AESGCM(small.metadata_key(RAW_KEY, nonce))
    secret = gcm.decrypt(small.ZERO, done, None)
    done = gcm.encrypt(small.ZERO, b"\xff\xff" + secret[2:], None)
    with pytest.raises(FileRejected, match="UTF-8"):
        decrypted(raw[:42] + done[-16:] + b"\0" + done[:-16] + raw[59 + 3884 :])


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("./a", "a"),
        ("a//b/", "a/b"),
        ("//a", "/a"),
        ("/a/../b", "/b"),
        ("/..", "/"),
        ("a/../../b", "../b"),
        ("../a/./../b", "../b"),
    ],
)
def test_a_path_is_bound_as_gramine_writes_it(path, normal):
    raw = encrypted(b"", path)
    assert Reader(io.BytesIO(raw), KEY, path=path).path == normal
    assert Reader(io.BytesIO(raw), KEY, path=normal).path == normal


@pytest.mark.parametrize("path", ["", ".", "a/..", "a\0b", "x" * 772, "ä" * 386, "\ud800"])
def test_paths_that_gramine_cannot_have_are_refused(path):
    with pytest.raises(UsageError):
        encrypt(io.BytesIO(b""), io.BytesIO(), KEY, path=path, random=os.urandom)


def test_the_longest_path_fits():
    assert Reader(io.BytesIO(encrypted(b"", "x" * 771)), KEY).path == "x" * 771


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_key_of_another_length_is_refused_and_never_shown(length):
    with pytest.raises(UsageError):
        FileKey(bytes(length))
    assert "0" not in repr(KEY)


@given(st.binary(max_size=5000), st.booleans())
def test_bytes_that_nobody_encrypted_are_refused(raw, begins_well):
    raw = b"GRAFS_PF\2\0" + raw if begins_well else raw
    with pytest.raises(FileRejected):
        decrypted(raw.ljust(NODE, b"\0"))
