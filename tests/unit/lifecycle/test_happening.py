"""The engine's events and the log's records, in one order."""

from caisson.engine import EngineEvent
from caisson.lifecycle import in_order

SECOND = 1_000_000_000
START = 1_795_435_200


def event(action, time, **changes):
    fields = {"container_id": "c", "name": "redis", "image": "i", "exit_code": None}
    return EngineEvent(time=round(time * 100) * SECOND // 100, action=action, **fields | changes)


def told(events, records):
    return [(one.source, one.what) for one in in_order(events, records)]


def test_both_are_told_by_time(make):
    events = [event("start", START - 10), event("die", START + 10, exit_code=137)]
    assert told(events, [make.record(3, START)]) == [
        ("engine", "start"),
        ("key-server", "activation-released"),
        ("engine", "die"),
    ]


def test_an_activation_follows_the_start_of_its_second_and_precedes_the_end(make):
    events = [event("create", START + 0.1), event("start", START + 0.3), event("die", START + 0.9)]
    assert told(events, [make.record(3, START)]) == [
        ("engine", "create"),
        ("engine", "start"),
        ("key-server", "activation-released"),
        ("engine", "die"),
    ]


def test_what_engines_say_of_probes_and_of_our_looking_is_left_out():
    actions = ("exec_create: /probe", "exec_die", "archive-path", "health_status: healthy", "top", "attach")
    assert told([event(action, START) for action in actions], []) == [("engine", "health_status: healthy")]


def test_of_the_log_only_what_guests_meet_is_told(make):
    kinds = ("initialised", "secret-revealed", "activation-refused", "workload-set", "token-created")
    records = [make.record(number, START + number, kind) for number, kind in enumerate(kinds)]
    assert told([], records) == [("key-server", "activation-refused"), ("key-server", "workload-set")]


def test_a_moment_is_to_the_microsecond():
    (one,) = in_order([event("start", START + 0.25)], [])
    assert one.moment.isoformat() == "2026-11-23T12:00:00.250000+00:00"
