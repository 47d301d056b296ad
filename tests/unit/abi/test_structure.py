from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.abi import Cursor, FixedBytes, ReportData, Structure, require_size, require_zero
from caisson.errors import Malformed


class Head(FixedBytes):
    __slots__ = ()
    SIZE = 2


class Tail(FixedBytes):
    __slots__ = ()
    SIZE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Short(Structure):
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Long(Short):
    tail: Tail


def test_a_structure_lies_in_memory_as_it_is_declared_and_a_subclass_continues_it():
    assert (Short.size(), Long.size()) == (2, 5)
    assert Long.parse(b"\1\2\3\4\5") == Long(head=Head(b"\1\2"), tail=Tail(b"\3\4\5"))


@given(st.binary(max_size=8))
def test_a_structure_is_encoded_as_it_was_read_or_is_refused(raw):
    try:
        value = Long.parse(raw)
    except Malformed:
        assert len(raw) != 5
    else:
        assert value.encode() == raw


@pytest.mark.parametrize("size", [0, 63, 65])
def test_fixed_bytes_have_one_length(size):
    with pytest.raises(Malformed, match="ReportData has"):
        ReportData(bytes(size))


def test_fixed_bytes_are_written_and_read_as_hexadecimal():
    assert str(Head(b"\xab\1")) == "ab01"
    assert Head.from_hex("AB01") == Head(b"\xab\1")
    assert bytes(Head(b"\xab\1")) == b"\xab\1"


@pytest.mark.parametrize("text", ["", "ab", "ab0102", "zz01", "ab 01", "ab01\n", "\u0660a01"])
def test_other_spellings_of_fixed_bytes_are_refused(text):
    with pytest.raises(Malformed):
        Head.from_hex(text)


def test_fixed_bytes_of_different_meaning_are_never_equal():
    class OtherHead(FixedBytes):
        __slots__ = ()
        SIZE = 2

    assert Head(b"ab") != OtherHead(b"ab")


def test_a_cursor_takes_everything_in_order_and_then_is_finished():
    cursor = Cursor(b"ab\1\0\2\0\0\0", what="thing")
    assert (cursor.take(2), cursor.u16(), cursor.u32()) == (b"ab", 1, 2)
    cursor.finish()


def test_a_cursor_says_where_the_thing_is_cut_short():
    cursor = Cursor(b"abc", what="thing")
    cursor.take(1)
    with pytest.raises(Malformed, match="thing is cut short: 4 bytes wanted at offset 1, 2 left"):
        cursor.u32()


def test_a_cursor_refuses_what_was_not_taken():
    with pytest.raises(Malformed, match="thing has 3 bytes too many"):
        Cursor(b"abc", what="thing").finish()


def test_lengths_and_reserved_bytes_are_exact():
    require_size(b"ab", 2, "thing")
    require_zero(bytes(9), "thing")
    with pytest.raises(Malformed, match="thing has 3 bytes, not 2"):
        require_size(b"abc", 2, "thing")
    with pytest.raises(Malformed, match="reserved bytes"):
        require_zero(b"\0\1", "thing")
