"""Cases for policies: nothing passes by accident, neither a file without cases nor a no for another reason."""

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import CaissonError, Malformed
from caisson.evidence import AttestationResult, Expected, PolicyCases

GOOD = {"name": "good", "evidence": "q", "collateral": "c", "at": "2026-11-23T12:00:00Z", "expect": "accepted"}
DEBUG = GOOD | {"name": "debug", "expect": "rejected", "reasons": ["debug enclave", "none of those"]}
REPORT = {name: value for name, value in DEBUG.items() if name != "collateral"} | {"vek": "v", "chain": "p"}
FILE = {"version": 1, "policy": "p.toml", "cases": [GOOD, DEBUG, REPORT | {"name": "snp", "crl": "l"}]}


def read(value):
    return PolicyCases.parse(json.dumps(value).encode())


def test_cases_are_read_in_toml_and_json():
    cases = read(FILE)
    assert cases.policy == "p.toml"
    assert [case.expect for case in cases.cases] == [Expected.ACCEPTED, Expected.REJECTED, Expected.REJECTED]
    assert (cases.cases[2].vek, cases.cases[2].crl, cases.cases[2].collateral) == ("v", "l", None)
    text = 'version = 1\npolicy = "p.toml"\n' + "".join(
        "[[cases]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in case.items())
        for case in FILE["cases"]
    )
    assert PolicyCases.parse(text.encode()) == cases


@pytest.mark.parametrize("name", FILE)
def test_nothing_in_a_file_of_cases_is_optional(name):
    with pytest.raises(Malformed, match=f"lacks: `{name}`"):
        read({other: value for other, value in FILE.items() if other != name})


@pytest.mark.parametrize("name", GOOD)
def test_nothing_in_a_case_is_optional(name):
    with pytest.raises(Malformed, match=f"lacks: `{name}`"):
        read(FILE | {"cases": [{other: value for other, value in GOOD.items() if other != name}]})


@pytest.mark.parametrize(
    "case",
    [
        GOOD | {"genuine": True},
        GOOD | {"crl": "l"},
        GOOD | {"vek": "v", "chain": "p"},
        REPORT | {"collateral": "c"},
        {name: value for name, value in REPORT.items() if name != "chain"},
        GOOD | {"expect": "yes"},
        GOOD | {"expect": True},
        GOOD | {"reasons": ["debug"]},
        DEBUG | {"reasons": []},
        DEBUG | {"reasons": [""]},
        DEBUG | {"reasons": "debug"},
        GOOD | {"at": "2026-11-23"},
        GOOD | {"evidence": ["q"]},
    ],
)
def test_a_case_says_one_thing_and_says_it_whole(case):
    with pytest.raises(Malformed):
        read(FILE | {"cases": [case]})


@pytest.mark.parametrize(
    "change", [{"cases": []}, {"cases": [GOOD, GOOD]}, {"version": 2}, {"version": True}, {"more": 1}, {"cases": {}}]
)
def test_a_file_that_tests_nothing_is_none(change):
    with pytest.raises(Malformed):
        read(FILE | change)


@pytest.fixture(scope="module")
def refused(scene, policy):
    verified = scene.verify()
    return AttestationResult.of(verified, policy=policy).denied("enclave is a debug enclave").denied("b none of those")


def test_an_outcome_is_what_is_expected_or_it_is_told_how_not(scene, policy, refused):
    good, debug, _ = read(FILE).cases
    accepted = AttestationResult.of(scene.verify(), policy=policy)
    assert good.differences(accepted) == ()
    assert debug.differences(refused) == ()
    assert debug.differences(accepted) == ("expected rejected, and it is accepted",)
    (told,) = good.differences(refused)
    assert told == "expected accepted, and it is rejected: enclave is a debug enclave; b none of those"


def test_a_no_for_another_reason_is_not_the_one_that_was_expected(refused):
    debug = read(FILE).cases[1]
    assert debug.differences(refused.denied("root is unknown")) == ("not expected: root is unknown",)
    assert replace(debug, reasons=("debug enclave", "none of those", "old")).differences(refused) == (
        "no reason says 'old'",
    )


def test_what_is_not_genuine_is_not_merely_rejected(scene, policy, refused):
    forged = AttestationResult.refused(Malformed("none of those, no debug enclave"), policy=policy, at=scene.at)
    (told,) = read(FILE).cases[1].differences(forged)
    assert told.startswith("expected rejected, and it is not-genuine")
    expecting = replace(read(FILE).cases[1], expect=Expected.NOT_GENUINE)
    assert expecting.differences(forged) == ()
    assert expecting.differences(refused)


@given(raw=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps(FILE | {text: 1}).encode()))
def test_any_bytes_are_cases_or_refused(raw):
    with contextlib.suppress(CaissonError):
        PolicyCases.parse(raw)
