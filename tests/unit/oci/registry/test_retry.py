from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from caisson.oci import Retry
from caisson.oci.registry.retry import retry_after


def answer(value):
    return httpx2.Response(429, headers={"Retry-After": value})


def test_each_pause_is_twice_as_long_up_to_a_limit(pauses):
    retry = Retry(sleep=pauses.append, jitter=lambda: 1.0, attempts=8, first=1.0, longest=10.0)
    assert all(retry.pause(failures) for failures in range(1, 8))
    assert pauses == [1, 2, 4, 8, 10, 10, 10]
    assert not retry.pause(8)


def test_jitter_shortens_a_pause_by_half_at_most(pauses):
    Retry(sleep=pauses.append, jitter=lambda: 0.0, first=1.0).pause(1)
    assert pauses == [0.5]


def test_what_the_registry_asks_for_comes_first(pauses):
    retry = Retry(sleep=pauses.append, jitter=lambda: 1.0)
    assert retry.pause(1, answer("7"))
    assert pauses == [7]


def test_a_registry_that_wants_a_long_wait_is_not_waited_for(pauses):
    assert not Retry(sleep=pauses.append, jitter=lambda: 1.0).pause(1, answer("86400"))
    assert pauses == []


def test_a_date_is_waited_for():
    wanted = retry_after(answer(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)))
    assert 50 < wanted <= 60
    assert retry_after(answer("Wed, 21 Oct 2015 07:28:00 GMT")) == 0


@pytest.mark.parametrize("value", ["", "-1", "soon", "1" * 30, "1.5"])
def test_what_makes_no_sense_is_ignored(value):
    assert retry_after(answer(value)) is None
