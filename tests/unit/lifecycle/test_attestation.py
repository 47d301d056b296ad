"""Which activation is which container's: only a key tells, and what is only likely is not said to be certain."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.lifecycle import Binding, KeyServerLog, attestations
from caisson.sgx import MrEnclave


def judged(log, *containers):
    return {name: (found.binding, found.others) for name, found in attestations(containers, log).items()}


@pytest.fixture
def log(make):
    """A server that activated the enclave one second after the container started, and again later."""
    return KeyServerLog.read(
        [make.record(0, 1, "initialised"), make.record(4, make.start + 1), make.record(5, make.start + 60)]
    )


def test_the_first_activation_since_its_start_is_the_containers(make, log):
    found = attestations([make.confidential()], log)["redis"]
    assert (found.binding, found.activation.sequence) == (Binding.NAME, 4)
    assert str(log.server) == "cd" * 32


def test_a_container_that_started_again_is_not_attested_by_what_was_before(make, log):
    assert attestations([make.confidential(started=make.start + 30)], log)["redis"].activation.sequence == 5
    assert judged(log, make.confidential(started=make.start + 61)) == {"redis": (Binding.NONE, ())}


def test_the_end_of_a_certificate_has_to_be_a_time(make):
    with pytest.raises(Malformed, match="certificate_expires"):
        KeyServerLog.read([make.record(4, make.start, certificate_expires="tomorrow")])


def test_an_activation_in_the_second_of_the_start_counts(make, log):
    assert judged(log, make.confidential(started=make.start + 60.9)) == {"redis": (Binding.NAME, ())}


def test_what_came_after_its_end_is_not_the_containers(make, log):
    ended = make.confidential(started=make.start + 30, ended=make.start + 40)
    assert judged(log, ended) == {"redis": (Binding.NONE, ())}


@pytest.mark.parametrize(
    "change",
    [
        lambda make, c: replace(c, enclave=replace(make.enclave, mr_enclave=MrEnclave(bytes(32)))),
        lambda _make, c: replace(c, state=replace(c.state, environment={"CAISSON_WORKLOAD": "nginx"})),
    ],
)
def test_another_enclave_or_workload_is_not_attested(make, log, change):
    assert judged(log, change(make, make.confidential())) == {"redis": (Binding.NONE, ())}


def test_two_that_could_be_meant_are_both_named(make, log):
    assert judged(log, make.confidential("a"), make.confidential("b")) == {
        "a": (Binding.SHARED, ("b",)),
        "b": (Binding.SHARED, ("a",)),
    }


def test_a_key_tells_them_apart(make, log):
    by_key = make.confidential("a", tls_key=f"{4:064x}")
    found = attestations([by_key, make.confidential("b")], log)
    assert (found["a"].binding, found["a"].activation.sequence) == (Binding.KEY, 4)
    assert (found["b"].binding, found["b"].activation.sequence) == (Binding.NAME, 5)


def test_a_key_that_nobody_activated_is_another_programs(make, log):
    assert judged(log, make.confidential(tls_key="00" * 32)) == {"redis": (Binding.FOREIGN, ())}


def test_a_key_of_another_enclave_is_another_programs(make, log):
    other = replace(make.enclave, mr_enclave=MrEnclave(bytes(32)))
    assert judged(log, make.confidential(enclave=other, tls_key=f"{4:064x}")) == {"redis": (Binding.FOREIGN, ())}


@pytest.mark.parametrize("changes", [{"started": None}, {"enclave": None}])
def test_what_never_ran_or_has_no_sigstruct_is_unknown(make, log, changes):
    assert judged(log, make.confidential(**changes)) == {"redis": (Binding.UNKNOWN, ())}


def test_without_a_log_nothing_is_guessed(make):
    assert judged(None, make.confidential(tls_key=f"{4:064x}")) == {"redis": (Binding.UNKNOWN, ())}


def test_a_record_that_lacks_something_is_malformed(make):
    record = make.record(3, make.start)
    del record.details["mrenclave"]
    with pytest.raises(Malformed):
        KeyServerLog.read([record])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # it makes, and keeps nothing
@given(
    member=st.sampled_from(["workload", "workload_version", "mrenclave", "isv_svn", "tls_key_sha256"]),
    value=st.none() | st.integers() | st.text(),
)
def test_a_record_with_one_strange_member_is_an_activation_or_malformed(make, member, value):
    record = make.record(3, make.start, **{member: value})
    with contextlib.suppress(Malformed):
        (found,) = KeyServerLog.read([record]).activations
        assert (type(found.workload), type(found.isv_svn)) == (str, int)
