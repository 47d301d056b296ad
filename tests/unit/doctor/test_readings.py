"""The file of readings: what is written is read again, and nothing else is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.doctor import CHECKS, MOST_BYTES, Purpose, examine, read_readings, write_readings
from caisson.errors import Malformed
from tests.unit.doctor.machines import RECORDED, recorded
from tests.unit.doctor.stories import GOOD

DOCUMENT = json.loads(write_readings(GOOD))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_what_was_recorded_is_written_as_it_was_read(path):
    found = recorded(path.stem)
    assert read_readings(write_readings(found)) == found
    assert examine(found, Purpose, checks=CHECKS).results


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"null", b"\xff", write_readings(GOOD)[:-3], b" " * (MOST_BYTES + 1)]
)
def test_what_is_no_file_of_readings_is_refused(raw):
    with pytest.raises(Malformed):
        read_readings(raw)


@pytest.mark.parametrize("name", DOCUMENT)
def test_one_member_that_is_something_else_is_refused(name):
    with pytest.raises(Malformed, match=name):
        read_readings(json.dumps({**DOCUMENT, name: {"surprise": 1}}).encode())


def test_members_that_nobody_knows_are_refused():
    with pytest.raises(Malformed, match="surprise"):
        read_readings(json.dumps({**DOCUMENT, "surprise": 1}).encode())


def test_another_format_is_refused():
    with pytest.raises(Malformed, match="format"):
        read_readings(json.dumps({**DOCUMENT, "format": 2}).encode())


def test_numbers_are_bounded():
    for name, value in (("clock", -1), ("clock", 1 << 64), ("pages", 1 << 200)):
        with pytest.raises(Malformed):
            read_readings(json.dumps({**DOCUMENT, name: value}).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    try:
        read_readings(raw)
    except Malformed:
        return
