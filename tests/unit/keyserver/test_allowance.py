"""Whoever leaves challenges unused waits, and nobody waits for somebody else."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from caisson.errors import TooMany
from caisson.keyserver import Allowance
from caisson.keyserver.allowance import PERIOD_SECONDS
from caisson.web.clients import one_client

ONE, OTHER = one_client("192.0.2.1"), one_client("2001:db8::1")


@pytest.fixture
def clock():
    return [0.0]


def make(clock, most=3, **limits):
    return Allowance(most, clock=lambda: clock[0], **limits)


def refused(allowance, client):
    with pytest.raises(TooMany, match="left unused") as caught:
        allowance.take(client)
    return caught.value.after


def test_what_is_left_unused_is_counted_by_client(clock):
    allowance = make(clock)
    for _ in range(3):
        allowance.take(ONE)
    assert refused(allowance, ONE) == PERIOD_SECONDS / 3
    allowance.take(OTHER)
    allowance.take(None)


def test_who_waits_as_long_as_it_is_told_gets_exactly_one(clock):
    allowance = make(clock)
    for _ in range(3):
        allowance.take(ONE)
    for _ in range(5):
        clock[0] += refused(allowance, ONE) - 1
        clock[0] += refused(allowance, ONE)
        allowance.take(ONE)
    clock[0] += 10 * PERIOD_SECONDS
    for _ in range(3):
        allowance.take(ONE)
    refused(allowance, ONE)


def test_who_is_activated_may_go_on_for_ever(clock):
    allowance = make(clock)
    for _ in range(100):
        allowance.take(ONE)
        allowance.take(ONE)  # as a guest that was not ready in time
        allowance.give_back(ONE)
    assert len(allowance._unused) == 1


def test_an_activation_gives_no_more_than_it_took(clock):
    allowance = make(clock)
    for _ in range(10):
        allowance.give_back(ONE)
    for _ in range(3):
        allowance.take(ONE)
    refused(allowance, ONE)


def test_it_remembers_so_many_clients_and_the_latest_of_them(clock):
    allowance = make(clock, most=1, most_clients=2)
    allowance.take(ONE)
    for number in range(1000):
        allowance.take(one_client(f"2001:db8:0:{number:x}::1"))
        refused(allowance, ONE)
        assert len(allowance._unused) <= 2


def test_of_many_at_once_so_many_get_one_as_may(clock):
    allowance = make(clock, most=20)

    def take(_):
        try:
            allowance.take(ONE)
        except TooMany:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(take, range(200))) == 20
