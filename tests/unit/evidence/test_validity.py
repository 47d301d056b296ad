"""Windows: both ends belong to them, and the part that speaks against a time is the one that is named."""

from datetime import UTC, datetime, timedelta

import pytest

from caisson.errors import Expired, NotYetValid, UsageError
from caisson.evidence.validity import Validities, Validity

NOON, HOUR, SECOND = datetime(2026, 11, 23, 12, tzinfo=UTC), timedelta(hours=1), timedelta(seconds=1)
SHORT = Validity(what="short", begins=NOON, ends=NOON + HOUR)
LONG = Validity(what="long", begins=NOON - HOUR, ends=NOON + 2 * HOUR)


def test_both_ends_belong_to_a_window():
    for at in (NOON, NOON + HOUR):
        assert SHORT.objection(at) is None
    assert isinstance(SHORT.objection(NOON - SECOND), NotYetValid)
    assert isinstance(SHORT.objection(NOON + HOUR + SECOND), Expired)


@pytest.mark.parametrize("order", [(SHORT, LONG), (LONG, SHORT)])
def test_what_speaks_against_a_time_is_named_and_nothing_else(order):
    windows = Validities.of(order)
    assert (windows.begins, windows.ends) == (NOON, NOON + HOUR)
    for at in (NOON, NOON + HOUR):
        windows.require(at)
    with pytest.raises(NotYetValid, match="short is valid from"):
        windows.require(LONG.begins)
    with pytest.raises(Expired, match="short was valid until"):
        windows.require(LONG.ends)
    with pytest.raises(UsageError):
        windows.require(NOON.replace(tzinfo=None))
