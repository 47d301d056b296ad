"""Quotes that only name their PCK: strangers make us ask for chains, and are counted for it."""

from dataclasses import replace

import pytest

from caisson.errors import Malformed, QuoteSignatureRejected, TooMany, Unavailable
from caisson.evidence import NamedPcks, check_own_signatures
from caisson.evidence.intel import named_pcks
from caisson.sgx import CertificationKind, Quote

CHAIN = b"chain"


class World:
    """What was asked of the service, which knows all PCKs unless it is told another answer."""

    def __init__(self, per_minute=8):
        self.now = 1000.0
        self.asked = []
        self.answer = lambda _quote: CHAIN
        self.pcks = NamedPcks(self.fetch, per_minute=per_minute, clock=lambda: self.now)

    def fetch(self, quote):
        self.asked.append(quote)
        return self.answer(quote)

    def get(self, quote, *, client="a"):
        return self.pcks.get(quote, client=client, check=lambda: check_own_signatures(quote))


@pytest.fixture
def world():
    return World()


@pytest.fixture(scope="session")
def named(naming):
    """The quote, with each number another name in it."""

    def named(number=0):
        return naming(ppid=number.to_bytes(384, "big"), given=None).quote

    return named


def test_a_chain_is_asked_for_once(world, named):
    assert [world.get(named()) for _ in range(3)] == [CHAIN] * 3
    assert world.asked == [named()]


def test_a_quote_that_brings_its_chain_makes_nobody_ask(world, scene):
    assert world.pcks.get(scene.quote, client="a", check=pytest.fail) is None
    world.pcks.keep(scene.quote)
    assert world.asked == []


@pytest.mark.parametrize("kind", [0, 4, 6, 7, 99])
def test_a_quote_that_names_nothing_makes_nobody_ask(world, scene, kind):
    certification = replace(Quote.parse(scene.quote).signature.certification, kind=kind)
    assert world.get(scene.with_signature(certification=certification).quote) is None
    assert world.asked == []


def test_a_broken_quote_makes_nobody_ask(world, named, scene):
    broken = bytearray(named())
    broken[100] ^= 1
    with pytest.raises(QuoteSignatureRejected):
        world.get(bytes(broken))
    certification = replace(Quote.parse(scene.quote).signature.certification, kind=CertificationKind.PPID)
    with pytest.raises(Malformed):
        world.get(scene.with_signature(certification=certification).quote)
    assert world.asked == []


def test_all_that_a_service_is_asked_by_makes_another_name(naming):
    world = World(per_minute=100)
    quotes = [naming(given=None, **change).quote for change in ({}, {"pce_svn": 1}, {"pce_id": b"\1\0"})]
    quotes.append(naming(CertificationKind.PPID_RSA_2048, given=None).quote)
    header = Quote.parse(quotes[0]).header
    other = replace(header, user_data=bytes(16) + header.user_data[16:])
    quotes.append(replace(Quote.parse(quotes[0]), header=other).encode())
    for quote in quotes * 2:
        world.pcks.get(quote, client="a", check=lambda: None)
    assert world.asked == quotes


# What is remembered.


def test_what_nothing_was_verified_with_is_forgotten_after_a_minute(world, named):
    world.get(named())
    world.now += 59
    world.get(named())
    assert len(world.asked) == 1
    world.now += 1
    world.get(named())
    assert len(world.asked) == 2


def test_what_a_quote_was_verified_with_is_remembered_for_an_hour_from_its_last_use(world, named):
    world.get(named())
    world.pcks.keep(named())
    for _ in range(3):
        world.now += 3599
        assert world.get(named()) == CHAIN
        world.pcks.keep(named())
    assert len(world.asked) == 1
    world.now += 3600
    world.pcks.keep(named())  # too late: it is forgotten
    world.get(named())
    assert len(world.asked) == 2


def test_a_no_is_remembered_for_a_minute(world, named):
    def no(_quote):
        raise Unavailable("it does not know this platform", hint="register it")

    world.answer = no
    for _ in range(3):
        with pytest.raises(Unavailable, match="does not know") as caught:
            world.get(named())
        assert caught.value.hint == "register it"
    assert len(world.asked) == 1
    world.now += 60
    world.answer = lambda _quote: CHAIN
    assert world.get(named()) == CHAIN


def test_names_that_nobody_knows_push_out_no_chain_that_is_needed(named, monkeypatch):
    monkeypatch.setattr(named_pcks, "MOST_KEPT", 10)
    world = World(per_minute=8)
    world.get(named())
    world.pcks.keep(named())
    for minute in range(1, 5):
        world.now += 60
        for number in range(1, 8):
            world.get(named(10 * minute + number), client=number)
    assert world.get(named()) == CHAIN
    assert world.asked.count(named()) == 1


def test_so_many_are_remembered_and_no_more_and_what_was_of_use_last_stays(named, monkeypatch):
    monkeypatch.setattr(named_pcks, "MOST_KEPT", 2)
    world = World(per_minute=100)
    for number in (1, 2):
        world.get(named(number))
    world.pcks.keep(named(1))
    for number in (3, 1, 2):
        world.get(named(number))
    assert world.asked == [named(1), named(2), named(3), named(2)]


# How often strangers make us ask.


def test_one_client_has_a_quarter_of_what_may_be_asked(world, named):
    for number in (1, 2):
        world.get(named(number))
    world.now += 20.5
    with pytest.raises(TooMany, match="2 of them for one client") as caught:
        world.get(named(3))
    assert caught.value.after == 40
    # What is known costs nothing, and another client has its own share.
    world.get(named(1))
    world.get(named(3), client="b")
    assert len(world.asked) == 3


def test_all_clients_together_have_a_limit_and_the_next_minute_is_a_new_one(world, named):
    for client in range(4):
        for number in (1, 2):
            world.get(named(10 * client + number), client=client)
    with pytest.raises(TooMany, match="8 certificates of PCKs a minute"):
        world.get(named(99), client="another")
    assert len(world.asked) == 8
    world.now += 60
    for number in (98, 99):
        assert world.get(named(number), client="another") == CHAIN
    with pytest.raises(TooMany):
        world.get(named(97), client="another")


def test_a_small_limit_leaves_one_for_each_client(named):
    world = World(per_minute=1)
    world.get(named(1))
    with pytest.raises(TooMany):
        world.get(named(2), client="b")
    assert len(world.asked) == 1


def test_a_service_that_does_not_answer_holds_up_four_callers(named):
    """The next caller comes while the service still thinks about what the one before asked for."""
    world, refused = World(per_minute=100), []

    def slow(_quote):
        try:
            return world.get(named(len(world.asked)))
        except TooMany as busy:
            refused.append(busy.after)
            return CHAIN

    world.answer = slow
    assert world.get(named()) == CHAIN
    assert (len(world.asked), refused) == (4, [1])
    world.answer = lambda _quote: CHAIN
    assert world.get(named(50)) == CHAIN
