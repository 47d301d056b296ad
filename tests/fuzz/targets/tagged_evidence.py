"""DICE tagged evidence and the claims of RA-TLS: CBOR in its one spelling, or nothing."""

import contextlib

import cbor2

from caisson.errors import CaissonError
from caisson.evidence import Certificate, Claims
from caisson.evidence.binding import extension, ra_tls, tagged
from tests.fuzz.evidence import PLATFORM, SCENE, certificates, each


def check(raw):
    tagged.tag_of(raw)
    each(
        lambda: _again(raw),
        lambda: Claims.parse(raw),
        *(
            lambda tag=tag: tagged.read_tagged(raw, tag=tag, what="evidence", parts="two")
            for tag in (ra_tls.TAG, extension.TAG)
        ),
    )


def _again(raw):
    assert cbor2.dumps(tagged.read_item(raw, what="item")) == raw


def extra_seeds():
    claims = cbor2.dumps({"pubkey-hash": cbor2.dumps([1, bytes(32)]), "nonce": b"n"})
    both = [tagged.write_tagged(tag, SCENE.quote[:600], claims) for tag in (ra_tls.TAG, extension.TAG)]
    found = []
    for der in certificates():
        with contextlib.suppress(CaissonError):
            found += [value for oid, value in Certificate.parse(der).extensions.items() if oid == tagged.OID]
    assert PLATFORM
    return [claims, *both, *found]
