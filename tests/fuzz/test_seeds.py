"""Every seed gets an answer: that is what a failure which was found once becomes when it is repaired."""

import pytest

from tests.fuzz.loop import fuzz
from tests.fuzz.target import load, names, seeds, survives


@pytest.mark.parametrize("name", names())
def test_every_seed_gets_an_answer(name):
    known = seeds(name)
    assert known
    for raw in known:
        survives(load(name).check, raw)


@pytest.mark.parametrize("name", names())
def test_a_second_of_fuzzing_finds_nothing(name):
    result = fuzz(name, seconds=0.5, seed=1)
    assert result.lines > 0
    assert [trace for _, trace in result.crashes] == []
