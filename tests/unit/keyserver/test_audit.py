from dataclasses import replace
from hashlib import sha256
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from caisson.errors import AuditRejected, Malformed, SealBroken, SignatureRejected
from caisson.keyserver.audit import ORIGIN, AuditDigest, AuditHead, AuditLog, AuditRecord, verify_chain
from caisson.keyserver.sealing import RootKey
from caisson.keyserver.store import Store
from caisson.protocol import canonical, encode_identity


@pytest.fixture
def store():
    found = Store.in_memory()
    yield found
    found.close()


@pytest.fixture
def log():
    return AuditLog(RootKey.generate()[0])


def append(store, log, number):
    with store.write() as session:
        return log.append(session, "deed", actor="operator:ann", now=number, details={"number": number})


@pytest.fixture
def lines(store, log):
    for number in range(5):
        append(store, log, number)
    with store.read() as session:
        return log.lines(session, limit=100)


def check(lines, **options):
    return list(verify_chain(lines, **options))


def test_a_whole_log_verifies_up_to_its_head(store, log, lines):
    with store.read() as session:
        head = log.head(session)
    records = check(lines, heads=frozenset({head.digest}))
    assert [record.sequence for record in records] == [0, 1, 2, 3, 4]
    assert records[-1].digest == head.digest
    assert records[0].previous == ORIGIN


def test_sha256sum_is_enough_to_check_it(lines):
    for before, after in pairwise(lines):
        assert sha256(before).hexdigest().encode() in after
    assert not any(b"\n" in line for line in lines)


def test_an_earlier_head_vouches_for_all_before_it(lines):
    kept = AuditRecord.parse(lines[2]).digest
    check(lines, heads=frozenset({kept}))


def test_pages_make_the_whole(store, log, lines):
    with store.read() as session:
        assert log.lines(session, after=1, limit=2) == lines[2:4]


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (lambda lines: lines[:2] + lines[3:], "record 2 is missing"),
        (lambda lines: lines[1:], "record 0 is missing"),
        (lambda lines: (lines[1], lines[0], *lines[2:]), "record 0 is missing"),
        (lambda lines: (lines[0].replace(b"ann", b"bob"), *lines[1:]), "record 1 follows"),
        (lambda lines: (lines[0] + b" ", *lines[1:]), "record 0 is malformed"),
        (lambda lines: (*lines, lines[4]), "record 5 is missing"),
        (lambda lines: lines[:4], "does not contain the head"),
        (lambda _lines: (), "does not contain the head"),
        (lambda lines: (*lines[:4], lines[4].replace(b"ann", b"bob")), "does not contain the head"),
    ],
)
def test_every_change_to_the_log_is_noticed(lines, attack, message):
    head = AuditRecord.parse(lines[-1]).digest
    with pytest.raises(AuditRejected, match=message):
        check(attack(lines), heads=frozenset({head}))


def test_a_head_of_another_log_is_not_in_this_one(lines):
    with pytest.raises(AuditRejected, match="does not contain the head 4242"):
        check(lines, heads=frozenset({AuditDigest(b"\x42" * 32)}))


@given(st.binary(max_size=200))
def test_a_record_is_malformed_or_parses(raw):
    with pytest.raises(Malformed):
        AuditRecord.parse(raw)


def test_a_log_that_was_rewritten_in_the_database_stops_the_server(store, log, lines):
    record = canonical.decode(lines[4], what="record") | {"actor": "operator:bob"}
    forged = canonical.encode(record)
    with store.write() as session:
        session.execute(
            text("UPDATE audit SET record = :record, digest = :digest WHERE sequence = 4"),
            {"record": forged, "digest": sha256(forged).digest()},
        )
    with pytest.raises(SealBroken, match="last record was changed"):
        append(store, log, 5)


@pytest.mark.parametrize("statement", ["DELETE FROM audit WHERE sequence = 4", "DELETE FROM audit_head"])
def test_a_log_that_was_shortened_in_the_database_stops_the_server(store, log, lines, statement):
    assert lines
    with store.write() as session:
        session.execute(text(statement))
    with pytest.raises(SealBroken, match="do not fit"):
        append(store, log, 5)


def test_a_deed_whose_record_fails_did_not_happen(store, log, lines):
    assert lines
    with store.write() as session:
        session.execute(text("DELETE FROM audit_head"))

    def deed():
        with store.write() as session:
            session.execute(text("INSERT INTO challenge VALUES (x'00', 1)"))
            log.append(session, "deed", actor="operator:ann", now=1, details={})

    with pytest.raises(SealBroken):
        deed()
    with store.read() as session:
        assert session.execute(text("SELECT count(*) FROM challenge")).scalar() == 0


def test_a_signed_head_reads_back_and_another_server_cannot_sign_it():
    head = AuditHead(sequence=4, digest=AuditDigest(b"\x42" * 32))
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signed = head.sign(now=7, key=key)
    assert AuditHead.verify(signed, server_key=encode_identity(key.public_key())) == head
    with pytest.raises(SignatureRejected):
        AuditHead.verify(signed, server_key=encode_identity(other.public_key()))
    forged = replace(head, sequence=9).sign(now=7, key=other)
    with pytest.raises(SignatureRejected):
        AuditHead.verify(forged, server_key=encode_identity(key.public_key()))


def test_a_chain_can_be_checked_on_from_where_it_was_checked_before(lines):
    first, *rest = check(lines)
    assert list(verify_chain(lines[1:], after=first)) == rest


def test_what_does_not_follow_where_it_was_checked_before_is_refused(lines):
    first = check(lines)[0]
    with pytest.raises(AuditRejected, match="is missing"):
        list(verify_chain(lines[2:], after=first))
    with pytest.raises(AuditRejected, match="follows"):
        list(verify_chain(lines[1:], after=replace(first, digest=ORIGIN)))
