"""The graph: one cause is told once, what follows from it names it, and unknown is no failure."""

from dataclasses import replace

import pytest

from caisson.doctor import CHECKS, Outcome, Purpose, Status, examine
from caisson.doctor.readings import Docker, Unread
from tests.unit.doctor.machines import recorded, sight
from tests.unit.doctor.stories import BLIND, GOOD, STORIES, change

HERE = recorded("virtual-machine-without-sgx")
ALL = frozenset(Purpose)


def by_id(report):
    return {result.check.id: result for result in report.results}


def test_a_machine_without_sgx_fails_once():
    report = examine(HERE, {Purpose.RUN, Purpose.ATTEST}, checks=CHECKS)
    failed = [result.check.id for result in report.results if result.finding.status is Status.FAILED]
    assert failed == ["D01"]
    skipped = [result for result in report.results if result.finding.status is Status.SKIPPED]
    assert len(skipped) > 15
    assert {result.because.check.id for result in skipped} == {"D01"}
    assert all(result.finding.seen == "not looked at because D01 (the CPU has SGX) failed" for result in skipped)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_one_bad_thing_makes_no_cascade(check):
    """Whatever follows from a failure names it, and fails not itself."""
    after = {each.id for each in CHECKS if check.id in each.after}
    for changes in STORIES[check.id].bad.values():
        results = by_id(examine(change(changes), ALL, checks=CHECKS))
        if results[check.id].finding.status is Status.FAILED:
            followers = [results[each] for each in after if each in results]
            assert {each.finding.status for each in followers} <= {Status.SKIPPED}
            assert {each.because.check.id for each in followers} <= {check.id}


def test_what_an_unknown_hides_names_it():
    results = by_id(examine(replace(GOOD, kubernetes=BLIND), {Purpose.KUBERNETES}, checks=CHECKS))
    assert results["D70"].finding.status is Status.UNKNOWN
    assert {results[each].because.check.id for each in ("D71", "D72", "D73", "D74", "D75")} == {"D70"}


def test_readings_that_tell_are_judged_though_an_earlier_check_knows_nothing():
    seen = replace(sight(), leaves=())
    results = by_id(examine(replace(GOOD, sight=seen, cpu=BLIND), {Purpose.RUN}, checks=CHECKS))
    assert results["D01"].finding.status is Status.UNKNOWN
    assert results["D10"].finding.status is Status.OK


def test_what_does_not_decide_may_stay_unknown():
    assert examine(replace(GOOD, firmware=BLIND), ALL, checks=CHECKS).outcome is Outcome.WELL


@pytest.mark.parametrize(
    ("readings", "purpose"),
    [
        (replace(GOOD, kubernetes=BLIND), Purpose.KUBERNETES),
        (replace(GOOD, sight=BLIND), Purpose.RUN),
        (replace(GOOD, aesmd=BLIND), Purpose.ATTEST),
        (replace(GOOD, image=BLIND), Purpose.RUN),
        (replace(GOOD, workshop=BLIND), Purpose.BUILD),
    ],
)
def test_what_decides_and_cannot_be_seen_leaves_it_open(readings, purpose):
    assert examine(readings, {purpose}, checks=CHECKS).outcome is Outcome.UNDECIDED


def test_a_failure_weighs_more_than_an_unknown():
    readings = replace(GOOD, aesmd=BLIND, limits=BLIND, docker=BLIND, podman=None)
    assert examine(readings, {Purpose.RUN, Purpose.ATTEST}, checks=CHECKS).outcome is Outcome.FAILED


def test_a_warning_is_no_failure():
    docker = replace(GOOD.docker, security=())
    assert isinstance(docker, Docker)
    assert examine(replace(GOOD, docker=docker), ALL, checks=CHECKS).outcome is Outcome.WELL


def test_what_nobody_asked_for_is_left_out():
    report = examine(replace(GOOD, image=None, podman=None, inside=None), ALL, checks=CHECKS)
    assert not {"D13", "D32", "D80", "D81", "D82"} & set(by_id(report))
    assert report.outcome is Outcome.WELL


def test_only_what_the_purpose_needs_is_judged():
    for purpose in Purpose:
        report = examine(GOOD, {purpose}, checks=CHECKS)
        assert all(purpose in result.check.purposes for result in report.results)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_each_purpose_comes_out_as_if_nothing_else_had_been_asked(check):
    for readings in (HERE, *map(change, STORIES[check.id].bad.values())):
        report = examine(readings, ALL, checks=CHECKS)
        for purpose in Purpose:
            assert report.outcome_for(purpose) is examine(readings, {purpose}, checks=CHECKS).outcome, purpose


def test_a_cause_is_followed_to_its_root():
    docker = Unread(unread="it does not answer")
    report = examine(replace(GOOD, docker=docker, podman=None), {Purpose.SWARM}, checks=CHECKS)
    assert by_id(report)["D62"].because.check.id == "D30"
