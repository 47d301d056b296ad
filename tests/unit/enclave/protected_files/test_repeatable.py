"""Encrypting repeatably: the same bytes for the same input, and no key that serves for two contents."""

import io
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.enclave.protected_files import FileKey, Reader, encrypt_repeatably, layout, writer
from caisson.errors import UsageError
from tests.unit.enclave.protected_files import small

RAW_KEY = bytes(range(16))
KEY = FileKey(RAW_KEY)
NODE = 4096


def encrypted(content, key=KEY, path="/p"):
    target = io.BytesIO()
    pieces = [content[at : at + 5000] for at in range(0, len(content), 5000)]
    assert encrypt_repeatably(lambda: pieces, target, key, path=path) == len(content)
    return target.getvalue()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3072 + 200 * NODE), st.integers(0, 2**32))
def test_it_is_read_by_both_implementations_and_comes_out_the_same_again(size, seed):
    content = random.Random(seed).randbytes(size)
    raw = encrypted(content)
    assert encrypted(content) == raw
    assert small.read(raw, RAW_KEY) == ("/p", content)
    assert b"".join(Reader(io.BytesIO(raw), KEY, path="/p").blocks()) == content


def test_no_key_of_a_node_serves_for_another_content_path_or_key(monkeypatch):
    """A node's nonce is always zero: one key for two contents would give away their difference."""
    used = {}

    def watched(key, content):
        assert used.setdefault(key, content) == content
        return seal(key, content)

    seal = layout.seal
    monkeypatch.setattr(writer, "seal", watched)
    monkeypatch.setattr(layout, "seal", watched)
    content = b"\0" + os.urandom(3070 + 98 * NODE) + b"\0"  # so that each of the others is another
    others = [content[:-1], content + b"\0", b"\1" + content[1:], content[:-1] + b"\1", b"", b"\0"]
    inputs = [(each, KEY, "/p") for each in (content, *others)]
    inputs += [(content, KEY, "/q"), (content, FileKey(bytes(16)), "/p")]
    for each in inputs:
        before = len(used)
        nodes = len(encrypted(*each)) // NODE
        assert len(used) == before + nodes, "each node has a key that no other had"
    before = len(used)
    encrypted(content)
    assert len(used) == before


def test_content_that_changes_in_between_leaves_nothing():
    """The seed is that of the first reading: what is written must have been read then."""
    readings = iter([[b"first"], [b"second"]])
    target = io.BytesIO()
    with pytest.raises(UsageError, match="changed while they were encrypted"):
        encrypt_repeatably(lambda: next(readings), target, KEY, path="/p")
    assert target.getvalue() == b""
