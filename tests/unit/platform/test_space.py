"""Memory is lent to few requests at once, and little of it is kept."""

import pytest

from caisson.errors import PlatformRejected
from caisson.platform.space import Space

SIZE = 100 << 10
MIB = 1 << 20


def test_a_request_gets_as_much_as_it_asked_for_also_where_a_larger_one_was():
    space = Space(1)
    for size in (MIB, SIZE, 17 * MIB, 2 * SIZE):
        with space.lend(size, patience=0) as lent:
            assert len(lent) == size
            lent[:] = bytes([size % 251]) * size


def test_two_requests_at_once_never_share_memory():
    space = Space(2)
    with space.lend(SIZE, patience=0):
        pass
    with space.lend(SIZE, patience=0) as one, space.lend(SIZE, patience=0) as other:
        one[:], other[:] = b"1" * SIZE, b"2" * SIZE
        assert (bytes(one), bytes(other)) == (b"1" * SIZE, b"2" * SIZE)


def test_who_has_no_turn_is_refused_and_has_one_when_another_ends():
    space = Space(1)
    with space.lend(SIZE, patience=0), pytest.raises(PlatformRejected, match="too busy"), space.lend(SIZE, patience=0):
        pass
    with space.lend(SIZE, patience=0):
        pass


def test_a_request_that_fails_gives_its_turn_back_and_its_memory_up():
    space, held = Space(1), []

    def fail():
        with space.lend(SIZE, patience=0) as lent:
            lent[:] = b"1" * SIZE
            held.append(lent)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with space.lend(SIZE, patience=0) as lent:
        lent[:] = b"2" * SIZE
        assert bytes(held[0]) == b"1" * SIZE


def test_at_most_two_buffers_of_16_mib_are_kept():
    space = Space(4)
    with (
        space.lend(SIZE, patience=0),
        space.lend(SIZE, patience=0),
        space.lend(SIZE, patience=0),
        space.lend(17 * MIB, patience=0),
    ):
        pass
    assert [len(buffer) for buffer in space._kept] == [16 * MIB, 16 * MIB]
