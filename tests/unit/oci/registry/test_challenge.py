import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.oci.registry.challenge import Challenge, read_challenges

BEARER = 'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a:pull,push"'


def test_a_challenge_has_a_scheme_and_parameters():
    (challenge,) = read_challenges(BEARER)
    assert challenge.scheme == "bearer"
    assert challenge.parameters == {
        "realm": "https://auth.test/token",
        "service": "registry.test",
        "scope": "repository:a:pull,push",
    }


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="Registry"', [("basic", {"realm": "Registry"})]),
        ("Basic", [("basic", {})]),
        ("basic realm=x, charset=UTF-8", [("basic", {"realm": "x", "charset": "UTF-8"})]),
        ('Bearer realm="a\\"b"', [("bearer", {"realm": 'a"b'})]),
        ('Bearer realm="a",realm="b"', [("bearer", {"realm": "a"})]),
        ('Basic realm="x", Bearer realm="y"', [("basic", {"realm": "x"}), ("bearer", {"realm": "y"})]),
        ("", []),
        ("=", []),
        ("x" * 10_000, []),
    ],
)
def test_challenges_are_read_one_after_the_other(header, expected):
    assert [(each.scheme, dict(each.parameters)) for each in read_challenges(header)] == expected


@given(st.text(alphabet='abB=", \\\t', max_size=60))
def test_any_header_is_read_or_left(header):
    assert all(isinstance(each, Challenge) for each in read_challenges(header))
