import pytest

from caisson import catalog
from caisson.errors import Malformed

BASE = b"""
version = 1
packages = ["curl"]
[[start]]
name = "it answers"
command = ["true"]
[load]
name = "a load is carried"
command = ["carry", "-n", "{amount}", "{host}"]
output = "^{amount} of [0-9]{1,9} carried"
unit = "request"
amount = 4000
rate = '([\\d.]+) req/s'
"""


def parse(raw, *, other=None):
    return catalog.Conformance.parse(raw, other=lambda _name: other)


def test_the_parts_of_a_load_are_alike_and_their_sum_is_the_whole():
    load = parse(BASE).load
    whole, part = load.part(of=1), load.part(of=20)
    assert (whole.amount, part.amount) == (4000, 200)
    assert part.command == ("carry", "-n", "200", "{host}")
    assert part.output == "^200 of [0-9]{1,9} carried"
    assert part.filled({"host": "store"}.__getitem__).command[-1] == "store"


def test_what_a_load_carried_is_what_it_says_or_its_amount_in_the_time():
    load = parse(BASE).load
    assert load.carried("it was 12.5 req/s", 3.0) == 12.5
    assert load.carried("it was nothing", 3.0) is None
    assert load.model_copy(update={"rate": None}).part(of=10).carried("", 2.0) == 200.0


def test_a_load_like_another_s_can_be_of_another_amount():
    mine = parse(b"version = 1\nlike = 'base'\n[load]\namount = 90\n", other=BASE)
    base = parse(BASE)
    assert mine == base.model_copy(update={"load": base.load.model_copy(update={"amount": 90})})


def test_a_load_that_does_not_say_how_much_to_carry_is_none():
    with pytest.raises(Malformed, match="says nowhere how much to carry"):
        parse(BASE.replace(b'"{amount}"', b'"4000"'))


@pytest.mark.parametrize("name", catalog.names())
def test_what_is_said_of_a_load_fits_its_amount(name):
    load = catalog.load(name).conformance().load
    for of in (1, 10, 20):
        part = load.part(of=of)
        assert part.amount * of == load.amount
        assert "{amount}" not in " ".join(part.command) + part.output
