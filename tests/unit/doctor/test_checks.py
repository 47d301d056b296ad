"""Every check has readings on which it passes, fails, and does not know; judging needs nothing but readings."""

import pytest

from caisson.doctor import CHECKS, Purpose, Status, examine
from tests.unit.doctor.machines import CPUS, RECORDED
from tests.unit.doctor.stories import GOOD, STORIES, change

BY_ID = {check.id: check for check in CHECKS}


def told(kind):
    return [
        pytest.param(identifier, changes, id=f"{identifier}-{name}")
        for identifier, story in STORIES.items()
        for name, changes in getattr(story, kind).items()
    ]


def test_every_check_has_a_passing_a_failing_and_an_unknown_story():
    assert set(STORIES) == set(BY_ID)
    assert [identifier for identifier, story in STORIES.items() if not (story.bad and story.blind)] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_all_is_well_on_a_good_server(check):
    finding = check.judge(GOOD)
    assert finding.status is Status.OK, finding
    assert finding.seen
    assert finding.meaning == finding.remedy == ""


@pytest.mark.parametrize(("identifier", "changes"), told("good"))
def test_what_is_as_good_passes_too(identifier, changes):
    assert BY_ID[identifier].judge(change(changes)).status is Status.OK


@pytest.mark.parametrize(("identifier", "changes"), told("bad"))
def test_one_thing_that_is_bad_is_found_and_has_a_meaning_and_a_remedy(identifier, changes):
    finding = BY_ID[identifier].judge(change(changes))
    assert finding.status in (Status.FAILED, Status.WARNING), finding
    assert all((finding.seen, finding.meaning, finding.remedy))


@pytest.mark.parametrize(("identifier", "changes"), told("blind"))
def test_what_cannot_be_seen_is_unknown_and_no_failure(identifier, changes):
    finding = BY_ID[identifier].judge(change(changes))
    assert finding.status is Status.UNKNOWN, finding
    assert finding.seen


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_messages_follow_the_house(check):
    """Lower case where they begin with a word of ours, no final period; texts for people are all there."""
    story = STORIES[check.id]
    findings = [check.judge(change(each)) for each in ({}, *story.bad.values(), *story.blind.values())]
    texts = [text for finding in findings for text in (finding.seen, finding.meaning, finding.remedy) if text]
    texts += [check.title, check.why, check.looks_at]
    assert [text for text in texts if text.endswith(".") or "  " in text] == []
    assert all((check.title, check.why, check.looks_at, check.purposes))


def test_checks_come_after_those_that_they_need():
    seen = set()
    for check in CHECKS:
        assert set(check.after) <= seen, check.id
        seen.add(check.id)
    assert len(seen) == len(CHECKS) == len({check.name for check in CHECKS})


@pytest.mark.parametrize("purpose", Purpose)
def test_a_purpose_includes_what_its_checks_need(purpose):
    """But for what a check needs only in another purpose, it would miss the cause."""
    wanted = {check.id for check in CHECKS if purpose in check.purposes}
    roots = {check.id for check in CHECKS if purpose in check.purposes and not set(check.after) & wanted}
    assert wanted
    assert roots


def test_the_cpus_of_public_reports_are_all_used():
    assert {path.stem for path in CPUS} == {
        "alibaba-guest",
        "firmware-off",
        "no-launch-control",
        "two-sections",
        "xeon-e-2276g",
        "xeon-gold-5315y",
    }
    assert len(RECORDED) == 3


def test_a_good_server_is_good_for_everything():
    report = examine(GOOD, Purpose, checks=CHECKS)
    assert {result.finding.status for result in report.results} == {Status.OK}
    assert len(report.results) == len(CHECKS)
