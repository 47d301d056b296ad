"""Every flavour is written as it was reviewed."""

import pytest

from tests.unit.deploy.golden import GOLDEN, flavours

FLAVOURS = flavours()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_flavour_is_written_as_it_was_reviewed(flavour):
    written = {
        str(path.relative_to(GOLDEN / flavour)): path.read_text()
        for path in (GOLDEN / flavour).rglob("*")
        if path.is_file()
    }
    assert {file.name: file.text for file in FLAVOURS[flavour]} == written, "see golden.py: regenerate, and review"


def test_no_golden_file_is_left_over():
    assert {path.name for path in GOLDEN.iterdir()} == set(FLAVOURS)
