"""Stories of certificates that live long: what is still seen while they do, and what is not."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from caisson.errors import Expired, PolicyRejected, Rejected, Unknown
from caisson.evidence import Certificate, Collateral, Policy, verify_certificate
from caisson.lifecycle import CertificateState, KeyServerLog
from caisson.platform import Standing, TcbStatus
from tests.guest import launch, make_platform

NOW = datetime.fromtimestamp(1_795_435_200, UTC)
TOLERANCE = timedelta(minutes=5)


@pytest.fixture
def world(world):
    """One whose platform may change, and whose certificates live for a week."""
    world.platform = make_platform(NOW.timestamp())
    world.enclave = launch(world.platform)
    long_lived(world)
    return world


def long_lived(world, hours=168, **changes):
    names = {"dns": ["localhost"], "ip": ["127.0.0.1"]}
    world.set_workload(certificate=names | {"lifetime_hours": hours}, **changes)


def certificate(world, guest=None):
    return x509.load_der_x509_certificate(world.activate(guest).certificate_chain[0])


def attest(world, leaf, *, after, policy=None):
    """What `caisson attest` does, with the collateral of that time."""
    at = NOW + after
    collateral = Collateral.parse(world.platform.collateral(at))
    accepted = Policy.parse((policy or world.policy()).encode())
    return verify_certificate(Certificate.of(leaf), collateral, accepted, at=at)


def trust_the_authority(world, leaf, *, after):
    """What a client does that knows the key server's CA and nothing else."""
    store = Store([world.server.ca.certificate])
    PolicyBuilder().store(store).time(NOW + after).build_server_verifier(x509.DNSName("localhost")).verify(leaf, [])


def test_a_certificate_lives_as_long_as_its_workload_says(world):
    bundle = world.activate()
    leaf = x509.load_der_x509_certificate(bundle.certificate_chain[0])
    assert leaf.not_valid_after_utc == NOW - TOLERANCE + timedelta(hours=168)
    assert bundle.expires == int(leaf.not_valid_after_utc.timestamp())
    for verify in (attest, trust_the_authority):
        verify(world, leaf, after=timedelta(days=6))
        with pytest.raises((Expired, VerificationError)):
            verify(world, leaf, after=timedelta(days=7))


def test_a_longer_life_counts_from_the_next_start_on(world):
    long_lived(world, hours=24)
    before = certificate(world)
    long_lived(world, hours=168)
    assert before.not_valid_after_utc == NOW - TOLERANCE + timedelta(hours=24)
    assert certificate(world).not_valid_after_utc == NOW - TOLERANCE + timedelta(hours=168)


def test_the_log_knows_when_it_ends(world):
    leaf = certificate(world)
    (activation,) = KeyServerLog.read(world.audit()).activations
    ends = int(leaf.not_valid_after_utc.timestamp())
    assert activation.certificate_expires == ends
    assert activation.certificate(at=NOW.timestamp()) is CertificateState.GOOD
    assert activation.certificate(at=ends - 3600) is CertificateState.DUE
    assert activation.certificate(at=ends) is CertificateState.ENDED


def test_a_platform_that_is_out_of_date_since_is_seen_by_whoever_looks_at_the_evidence(world):
    leaf = certificate(world)
    world.platform.standing = Standing(tcb_status=TcbStatus.OUT_OF_DATE)
    with pytest.raises(PolicyRejected, match="OutOfDate"):
        attest(world, leaf, after=timedelta(days=3))


def test_a_policy_that_is_stricter_since_is_kept_by_whoever_looks_at_the_evidence(world):
    leaf = certificate(world)
    stricter = world.policy(minimum_tcb_evaluation_data_number=10_000)
    with pytest.raises(PolicyRejected, match="evaluation"):
        attest(world, leaf, after=timedelta(days=3), policy=stricter)


def test_whoever_knows_the_authority_alone_believes_until_the_end(world):
    """The price of a long life, which the documentation names."""
    leaf = certificate(world)
    world.platform.standing = Standing(tcb_status=TcbStatus.OUT_OF_DATE)
    world.operator.remove_workload("redis")
    trust_the_authority(world, leaf, after=timedelta(days=3))
    with pytest.raises(VerificationError):
        trust_the_authority(world, leaf, after=timedelta(days=7))


def test_nobody_gets_another_certificate_once_the_key_server_says_no(world):
    guest = world.guest()
    certificate(world, guest)
    world.set_workload(policy=world.policy(minimum_tcb_evaluation_data_number=10_000))
    with pytest.raises(PolicyRejected):
        world.activate(guest)
    world.operator.remove_workload("redis")
    with pytest.raises(Unknown):
        world.activate(guest)


def test_a_program_may_activate_again_with_the_key_that_it_has(world):
    """A renewal without a start: new evidence over a new nonce, the same key, and a later end."""
    guest = world.guest()
    first = certificate(world, guest)
    world.clock.now += timedelta(days=5).total_seconds()
    second = certificate(world, guest)
    assert second.public_key() == first.public_key()
    assert second.not_valid_after_utc - first.not_valid_after_utc == timedelta(days=5)
    attest(world, second, after=timedelta(days=11))


def test_without_the_enclave_a_key_that_was_stolen_gets_no_other_certificate(world):
    """The thief holds the enclave's TLS key, and its evidence of the first time; what it needs is a quote."""
    guest = world.guest()
    first = guest.prove(world.activations.challenge())
    world.activations.activate(first.encode())
    thief = world.guest(tls=guest.tls, enclave=launch(world.platform, program="thief"))
    with pytest.raises(Rejected):
        world.activations.activate(first.encode())
    with pytest.raises(PolicyRejected, match="mrenclave"):
        world.activate(thief)
