"""Stories of activation: an honest guest, and then one thing is changed."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from caisson.errors import (
    BindingRejected,
    CertificateRevoked,
    ChainRejected,
    EvidenceRejected,
    Expired,
    Malformed,
    NonceRejected,
    PolicyRejected,
    QeReportRejected,
    QuoteSignatureRejected,
    Rejected,
    SignatureRejected,
    TooMany,
    Unavailable,
    Unknown,
    UntrustedRoot,
)
from caisson.evidence import Certificate, Collateral, NamedPcks, evidence_of
from caisson.keyserver import Activations, Collaterals, Secret, memory_server
from caisson.lifecycle import KeyServerLog
from caisson.platform import TcbStatus
from caisson.platform.standing import Revocable
from caisson.protocol import ActivationEvidence, Nonce, RuntimeData, ServerKeyHash
from caisson.sgx import Quote
from tests.guest import DEBUG, launch, make_platform, naming

NOW = 1_795_435_200
PASSWORD = b"canary-5e0c-password"
DISK_KEY = b"canary-disk-key!"


def moment(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def test_an_honest_guest_gets_exactly_its_bundle(world):
    bundle = world.activate()
    assert bundle.workload == "redis"
    assert bundle.fs_keys == {"default": DISK_KEY}
    assert [(file.path, file.mode, file.content) for file in bundle.files] == [
        ("/run/caisson/secrets/redis.conf", 0o400, b"requirepass " + PASSWORD + b"\n")
    ]
    assert bundle.env == {"REDIS_URL": f"rediss://:{PASSWORD.decode()}@localhost"}
    assert bundle.argv == ("--loglevel", "warning")


def test_the_certificate_is_for_the_key_in_the_evidence_and_carries_it(world):
    guest = world.guest()
    evidence = guest.prove(world.activations.challenge())
    bundle = guest.open(world.activations.activate(evidence.encode()), evidence, server_key=world.server.face.identity)
    leaf, ca = map(x509.load_der_x509_certificate, bundle.certificate_chain)
    assert ca == world.server.ca.certificate
    key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key == guest.tls_public_key
    assert evidence_of(Certificate.of(leaf)) == evidence
    assert bundle.expires == int(leaf.not_valid_after_utc.timestamp())
    assert 0 < bundle.expires - NOW <= 24 * 3600
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() <= 24 * 3600
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example.org/workload/redis"]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "redis"
    verifier = PolicyBuilder().store(Store([ca])).time(moment(NOW)).build_server_verifier(x509.DNSName("localhost"))
    verifier.verify(leaf, [])


def test_the_audit_log_says_what_was_released_to_whom(world):
    guest = world.guest()
    evidence = guest.prove(world.activations.challenge())
    answer = world.activations.activate(evidence.encode())
    record = world.audit()[-1]
    assert (record.kind, record.actor, record.time) == ("activation-released", "guest:redis", NOW)
    assert record.details["answer_sha256"] == sha256(answer).hexdigest()
    assert record.details["quote_sha256"] == sha256(evidence.quote).hexdigest()
    assert record.details["mrenclave"] == str(world.enclave.identity.mr_enclave)
    assert record.details["secrets"] == {"password": 1, "disk-key": 1}
    assert record.details["tcb_status"] == "UpToDate"


def refused(world, error, *, match=None, evidence=None, **changes):
    """Expect one refusal, no matter how often it is tried, and a record of it."""
    evidence = evidence or world.guest().prove(world.activations.challenge(), **changes)
    with pytest.raises(error, match=match) as caught:
        world.activations.activate(evidence.encode())
    assert "activation-released" not in [record.kind for record in world.audit()]
    with pytest.raises(NonceRejected):
        world.activations.activate(evidence.encode())
    return caught.value


def test_a_replayed_activation_is_refused(world):
    evidence = world.guest().prove(world.activations.challenge())
    world.activations.activate(evidence.encode())
    with pytest.raises(NonceRejected):
        world.activations.activate(evidence.encode())


def test_of_many_activations_with_one_nonce_exactly_one_succeeds(world):
    body = world.guest().prove(world.activations.challenge()).encode()

    def activate(_):
        try:
            world.activations.activate(body)
        except NonceRejected:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(activate, range(48))) == 1


def test_a_nonce_that_was_never_given_out_is_refused(world):
    evidence = world.guest().prove(world.activations.challenge(), nonce=Nonce(bytes(32)))
    with pytest.raises(NonceRejected):
        world.activations.activate(evidence.encode())


def test_an_expired_nonce_is_refused(world):
    evidence = world.guest().prove(world.activations.challenge())
    world.clock.now += 60
    with pytest.raises(NonceRejected, match="expired"):
        world.activations.activate(evidence.encode())


def test_a_challenge_of_one_server_is_no_challenge_of_another(world):
    other, _ = memory_server(trust_domain="example.org", clock=world.clock)
    theirs = Activations(other, world.activations.collaterals).challenge()
    with pytest.raises(NonceRejected):
        world.activations.activate(world.guest().prove(theirs).encode())
    with pytest.raises(SignatureRejected, match="pinned"):
        world.guest().prove(theirs, pin=world.server.face.key_hash)
    other.store.close()


def test_evidence_made_for_another_server_cannot_be_relayed_to_this_one(world):
    refused(world, BindingRejected, match="made for the server", server_key_hash=ServerKeyHash(b"\x42" * 32))


def test_a_relay_that_swaps_in_its_own_key_is_refused(world):
    guest, thief = world.guest(), world.guest()
    evidence = guest.prove(world.activations.challenge())
    data = RuntimeData.parse(evidence.runtime_data)
    stolen = RuntimeData.build(
        nonce=data.nonce,
        workload=data.workload,
        hpke_public_key=thief.hpke_public_key,
        tls_public_key=data.tls_public_key,
        server_key_hash=data.server_key_hash,
    )
    relayed = ActivationEvidence(quote=evidence.quote, runtime_data=stolen.raw)
    refused(world, BindingRejected, match="does not vouch", evidence=relayed)


def test_an_answer_opens_for_nobody_else_and_for_no_other_evidence(world):
    guest, thief = world.guest(), world.guest()
    evidence = guest.prove(world.activations.challenge())
    answer = world.activations.activate(evidence.encode())
    identity = world.server.face.identity
    with pytest.raises(SignatureRejected):
        thief.open(answer, evidence, server_key=identity)
    with pytest.raises(SignatureRejected):
        guest.open(answer, guest.prove(world.activations.challenge()), server_key=identity)


def test_an_unknown_workload_is_refused(world):
    refused(world, Unknown, match="no workload `mysql`", workload="mysql")


def test_a_removed_workload_is_refused(world):
    world.operator.remove_workload("redis")
    refused(world, Unknown)


def test_another_program_is_refused_with_all_reasons(world):
    other = launch(world.platform, program="miner", attributes=DEBUG)
    error = refused(world, PolicyRejected, evidence=world.guest(enclave=other).prove(world.activations.challenge()))
    assert "mrenclave" in error.message
    assert "debug" in error.message
    assert world.audit()[-1].details["refusal"] == "PolicyRejected"
    assert world.audit()[-1].details["reason"] == error.message[:2000]


def test_a_workload_of_another_program_does_not_accept_this_one(world):
    other = launch(world.platform, program="vault")
    document = world.document(
        name="vault",
        policy=world.policy().replace(str(world.enclave.identity.mr_enclave), str(other.identity.mr_enclave)),
    )
    world.set_workload(**document)
    refused(world, PolicyRejected, workload="vault")


def test_a_platform_whose_root_nobody_named_is_refused(world, other_platform):
    guest = world.guest(platform=other_platform, enclave=launch(other_platform))
    refused(world, UntrustedRoot, evidence=guest.prove(world.activations.challenge()))


@pytest.mark.parametrize("part", ["quote", "runtime_data"])
def test_a_changed_bit_is_refused(world, part):
    evidence = world.guest().prove(world.activations.challenge())
    parts = {"quote": evidence.quote, "runtime_data": evidence.runtime_data}
    raw = parts[part]
    position = 500 if part == "quote" else raw.index(b"tls_public_key") + 60
    flipped = b"A" if raw[position : position + 1] != b"A" else b"B"
    parts[part] = raw[:position] + flipped + raw[position + 1 :]
    refused(world, EvidenceRejected, evidence=ActivationEvidence(**parts))


def test_a_tls_key_that_is_not_on_p256_gets_no_certificate(world):
    for key in (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()):
        der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        refused(world, Malformed, match="not on P-256", tls_public_key=der)
    refused(world, Malformed, match="SubjectPublicKeyInfo", tls_public_key=b"\x30\x00")


def test_an_hpke_key_that_nothing_can_be_sealed_to_is_refused_and_recorded(world):
    refused(world, Malformed, hpke_public_key=world.guest().hpke_public_key[:1184] + bytes(32))
    assert world.audit()[-1].kind == "activation-refused"


def test_a_tcb_that_went_bad_is_refused_at_the_next_activation(world):
    world.activate()
    world.clock.now += 7200
    bad = make_platform(NOW, tcb_status=TcbStatus.OUT_OF_DATE)
    world.platform = bad
    world.set_workload(policy=world.policy())
    world.enclave = launch(bad)
    with pytest.raises(PolicyRejected, match="OutOfDate"):
        world.activate()


def test_collateral_is_fetched_once_while_it_is_fresh(world):
    for _ in range(3):
        world.activate()
    assert len(world.fetched) == 1
    world.clock.now += 3601
    world.activate()
    assert len(world.fetched) == 2


def test_collateral_that_expires_in_the_cache_is_fetched_anew(world):
    world.platform = make_platform(NOW)
    world.enclave = launch(world.platform)
    world.set_workload(policy=world.policy())
    world.activate()
    old, platform = world.clock.now, world.platform
    world.clock.now += 31 * 24 * 3600
    fresh = Collaterals(
        lambda _kind: Collateral.parse(platform.collateral(moment(world.clock.now))), most_age=timedelta(days=365)
    )
    [kind] = world.fetched
    fresh._keep(kind, Collateral.parse(platform.collateral(moment(old))), at=moment(old))
    world.activations = Activations(world.server, fresh)
    world.activate()


def test_stale_collateral_gives_no_secret(world):
    world.platform = make_platform(NOW)
    world.enclave = launch(world.platform)
    world.set_workload(policy=world.policy())
    world.clock.now += 31 * 24 * 3600
    refused(world, Expired)


def test_nobody_is_asked_for_the_collateral_of_a_forgery(world, other_platform):
    """A quote under a made-up root, one whose signature does not hold, and a genuine one that was seen elsewhere."""
    guest = world.guest(platform=other_platform, enclave=launch(other_platform))
    refused(world, UntrustedRoot, evidence=guest.prove(world.activations.challenge()))
    good = world.guest().prove(world.activations.challenge())
    changed = good.quote[:400] + bytes([good.quote[400] ^ 1]) + good.quote[401:]
    refused(world, QuoteSignatureRejected, evidence=replace(good, quote=changed))
    seen = world.guest().prove(world.activations.challenge())
    now = world.guest().prove(world.activations.challenge())
    refused(world, BindingRejected, evidence=replace(now, quote=seen.quote))
    assert world.fetched == []
    assert world.activations.collaterals._kept == {}


# Quotes that only name their PCK.


def names_its_pck(world, guest=None, **name):
    evidence = (guest or world.guest()).prove(world.activations.challenge())
    return replace(evidence, quote=naming(evidence.quote, **name))


def asking_for_pcks(world, *, per_minute=8):
    """Let the server ask for PCK chains; gives the quotes for which it did."""
    asked = []

    def fetch(quote):
        asked.append(quote)
        return world.platform.provisioning.pck_chain.encode()

    pcks = NamedPcks(fetch, per_minute=per_minute, clock=lambda: world.clock.now)
    world.activations = Activations(world.server, Collaterals(world.fetch, pcks=pcks))
    return asked


def test_a_quote_that_only_names_its_pck_is_refused_as_long_as_nobody_allows_more(world):
    refused(world, Malformed, evidence=names_its_pck(world))
    assert world.fetched == []


def test_a_quote_that_only_names_its_pck_is_judged_like_any_other_with_the_chain(world):
    asked = asking_for_pcks(world)
    for seconds in (0, 100, 3500):
        world.clock.now += seconds
        world.activations.activate(names_its_pck(world).encode())
    assert (len(asked), len(world.fetched)) == (1, 1)
    world.activate()
    assert (len(asked), len(world.fetched)) == (1, 1)
    world.set_workload(policy=world.policy(tcb_statuses=["SWHardeningNeeded"]))
    with pytest.raises(PolicyRejected):
        world.activations.activate(names_its_pck(world).encode())


def test_before_the_chain_is_asked_for_the_quote_is_whole_and_about_this_attempt(world):
    asked = asking_for_pcks(world)
    good = names_its_pck(world)
    changed = good.quote[:400] + bytes([good.quote[400] ^ 1]) + good.quote[401:]
    refused(world, QuoteSignatureRejected, evidence=replace(good, quote=changed))
    seen = names_its_pck(world)
    refused(world, BindingRejected, evidence=replace(names_its_pck(world), quote=seen.quote))
    assert (asked, world.fetched) == ([], [])


def test_a_made_up_platform_that_takes_a_real_ones_name_makes_nobody_ask_twice(world, other_platform):
    asked = asking_for_pcks(world)
    for _ in range(3):
        guest = world.guest(platform=other_platform, enclave=launch(other_platform))
        refused(world, QeReportRejected, evidence=names_its_pck(world, guest))
    assert (len(asked), world.fetched) == (1, [])


def test_whoever_makes_up_names_makes_nobody_ask_for_more_than_its_share_and_keeps_nobody_out(world, other_platform):
    """All that is made up is signed as it should be, each time with another name."""
    asked = asking_for_pcks(world)
    guest = world.guest(platform=other_platform, enclave=launch(other_platform))
    said = []
    for number in range(20):
        evidence = names_its_pck(world, guest, ppid=number.to_bytes(384, "big"))
        with pytest.raises((QeReportRejected, TooMany)) as caught:
            world.activations.activate(evidence.encode(), client="attacker")
        said.append(type(caught.value))
    assert said == [QeReportRejected] * 2 + [TooMany] * 18
    world.activations.activate(names_its_pck(world).encode(), client="honest")
    assert (len(asked), len(world.fetched)) == (3, 1)


@pytest.mark.filterwarnings("ignore:Attribute's length")
@pytest.mark.parametrize("sign", ["a", '"', "\N{GRINNING FACE}"])
def test_what_a_stranger_writes_into_a_certificate_does_not_fill_the_logs(world, caplog, sign):
    """A chain of one certificate, whose name is as long as a quote admits."""
    good = world.guest().prove(world.activations.challenge())
    quote = Quote.parse(good.quote)
    [pck, *_] = x509.load_pem_x509_certificates(quote.signature.certification.data)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, sign * (40_000 // len(sign.encode())), _validate=False)])
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(pck.issuer, name, key.public_key(), 1, moment(NOW), moment(NOW + 3600))
    for extension in pck.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    chain = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    certification = replace(quote.signature.certification, data=chain)
    forged = replace(quote, signature=replace(quote.signature, certification=certification)).encode()
    refused(world, ChainRejected, evidence=replace(good, quote=forged))
    [*_, last] = world.operator.audit_lines(after=-1, limit=1000)
    assert len(last) < 5000
    assert len(caplog.text) < 3000


@pytest.mark.parametrize("standing", [{"revoked": frozenset({Revocable.PCK})}, {"tcb_status": TcbStatus.REVOKED}])
def test_whoever_holds_a_platform_that_is_refused_makes_nobody_ask_twice(world, standing):
    world.platform = make_platform(NOW, **standing)
    world.enclave = launch(world.platform)
    world.set_workload(policy=world.policy())
    for _ in range(3):
        refused(world, (CertificateRevoked, PolicyRejected))
    assert len(world.fetched) == 1


def test_without_collateral_there_is_no_verdict_but_a_record(world):
    def fail(_kind):
        raise Unavailable("the provisioning service does not answer")

    world.activations = Activations(world.server, Collaterals(fail))
    refused(world, Unavailable)
    assert world.audit()[-1].details["refusal"] == "Unavailable"


def test_a_policy_that_changes_during_an_activation_stops_it(world):
    original = world.activations.collaterals.verify

    class Meddling(Collaterals):
        def verify(self, evidence, policy, *, at, client):
            found = original(evidence, policy, at=at, client=client)
            world.set_workload(policy=world.policy(key_servers=[]))
            return found

    world.activations = Activations(world.server, Meddling(world.fetch))
    refused(world, Unavailable, match="changed meanwhile")


def test_a_secret_that_stopped_fitting_is_told_to_the_operator_and_not_to_the_guest(world, caplog):
    world.operator.set_secret("disk-key", Secret(b"too short"))
    error = refused(world, Unavailable, match="cannot be provisioned now")
    assert "disk-key" not in error.message
    assert "disk-key" in caplog.text
    assert "too short" not in caplog.text


def test_a_new_version_of_a_secret_is_what_the_next_start_gets(world):
    world.operator.set_secret("password", Secret(b"canary-second"))
    assert world.activate().files[0].content == b"requirepass canary-second\n"
    assert world.audit()[-1].details["secrets"]["password"] == 2


@pytest.mark.parametrize("kind", ["activation-released", "activation-refused"])
def test_what_cannot_be_recorded_is_not_answered(world, monkeypatch, kind):
    append = world.server.audit.append

    def broken(session, found, **options):
        if found == kind:
            raise Unavailable("disk full")
        return append(session, found, **options)

    monkeypatch.setattr(world.server.audit, "append", broken)
    changes = {} if kind == "activation-released" else {"workload": "mysql"}
    evidence = world.guest().prove(world.activations.challenge(), **changes)
    with pytest.raises(Unavailable):
        world.activations.activate(evidence.encode())
    assert kind not in [record.kind for record in world.audit()]


def test_a_commit_that_fails_releases_nothing(world):
    evidence = world.guest().prove(world.activations.challenge())
    commits = []

    @event.listens_for(world.server.store._engine, "commit")
    def fail(_connection):
        commits.append(1)
        if len(commits) > 1:  # the nonce is spent; the release is not to be
            raise OperationalError("COMMIT", {}, Exception("disk I/O error"))

    with pytest.raises(Unavailable, match="store does not answer") as refused:
        world.activations.activate(evidence.encode())
    assert refused.value.hint == "is the database there, and is there space on its disk?"
    event.remove(world.server.store._engine, "commit", fail)
    assert len(commits) == 3
    assert not [record.kind for record in world.audit() if record.kind.startswith("activation")]


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b"\xff", b'{"version":1}', b'{"quote":"","runtime_data":"","version":2}']
)
def test_what_is_no_message_is_malformed(world, raw):
    with pytest.raises(Malformed):
        world.activations.activate(raw)


def test_no_log_no_record_and_no_error_holds_a_secret(world, caplog):
    caplog.set_level(logging.DEBUG)
    errors = []
    bundle = world.activate()
    for changes in ({"workload": "mysql"}, {"server_key_hash": ServerKeyHash(bytes(32))}, {"tls_public_key": b"x"}):
        with pytest.raises(Rejected) as caught:
            world.activate(**changes)
        errors.append(repr(caught.value))
    seen = "".join([*errors, caplog.text, repr(world.audit()), repr(bundle), repr(world.server.__dict__)])
    assert "canary" not in seen


def test_what_is_recorded_of_an_activation_is_what_a_listing_of_containers_needs(world):
    world.activate()
    log = KeyServerLog.read(world.audit())
    (found,) = log.activations
    assert (found.workload, found.workload_version, found.time) == ("redis", 1, NOW)
    assert (found.mr_enclave, found.isv_svn) == (world.enclave.identity.mr_enclave, 3)
    assert log.server == world.server.face.key_hash
