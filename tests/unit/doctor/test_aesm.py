"""What is said to aesmd, and what it answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.doctor import aesm
from caisson.errors import Malformed


def reply(code):
    inner = b"\x08" + _varint(code)
    return b"\x7a" + _varint(len(inner)) + inner


def _varint(value):
    encoded = bytearray()
    while True:
        encoded.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(encoded)


def test_the_question_is_gramines():
    """InitQuoteEx (field 15) for Intel's quoting enclave, whose identifier has 256 bytes."""
    question = aesm.question()
    (size,) = aesm.PREFIX.unpack(question[:4])
    assert size == len(question) - 4
    assert question[4:10] == bytes.fromhex("7a8c020a8002")
    identity = question[10 : 10 + 256]
    assert identity[:6] == bytes.fromhex("000000002000")
    assert identity[6:38].hex() == "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff"
    assert identity[54:58] == bytes((1, 0, 0, 0))
    assert identity[154:158] == bytes((2, 0, 0, 0))
    assert identity[158:] == bytes(98)
    assert question[266:].hex() == "1801202048" + "80ade204"


@given(st.integers(0, (1 << 32) - 1), st.binary(max_size=64))
def test_the_error_code_is_read_whatever_else_is_there(code, target):
    inner = b"\x08" + _varint(code) + b"\x12" + _varint(len(target)) + target
    assert aesm.answer(b"\x7a" + _varint(len(inner)) + inner) == code


def test_a_code_of_thirty_three_bits_is_none():
    with pytest.raises(Malformed):
        aesm.answer(reply(1 << 32))


@given(st.binary(max_size=64))
def test_anything_else_is_refused(raw):
    try:
        assert 0 <= aesm.answer(raw) < 1 << 32
    except Malformed:
        return


@pytest.mark.parametrize(
    "raw", [b"", b"\x7a", b"\x7a\x05\x08", b"\x78\x01", b"\x7a\x00", b"\x7b\x00", b"\xff" * 12, b"\x7a\x02\x0a\x00"]
)
def test_no_answer_is_none(raw):
    with pytest.raises(Malformed):
        aesm.answer(raw)


def test_an_answer_that_announces_too_much_is_not_waited_for():
    with pytest.raises(Malformed, match="announces"):
        aesm.size(aesm.PREFIX.pack(1 << 20))
    assert aesm.size(aesm.PREFIX.pack(100)) == 100
