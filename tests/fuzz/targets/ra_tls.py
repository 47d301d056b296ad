"""Certificates that carry evidence: any value in the extension, any extension more, in a certificate that is whole."""

from datetime import timedelta
from hashlib import sha256

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisson.evidence import Certificate, Collateral, Policy, RaTlsEvidence, quote_of, verify_peer
from caisson.evidence.binding.ra_tls import LEGACY_OID, SDK_OID, TAG
from caisson.evidence.binding.tagged import OID, write_tagged
from tests.fuzz.evidence import PLATFORM, SCENE, each
from tests.unit.evidence.conftest import Scene

KEY = generate_private_key(SECP256R1())
SPKI = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
CLAIMS = cbor2.dumps({"pubkey-hash": cbor2.dumps([1, sha256(SPKI).digest()])})
BUNDLE = Collateral.parse(SCENE.collateral)
POLICY = Policy(
    roots=SCENE.roots,
    tcb_statuses=frozenset({SCENE.verify().tcb.status}),
    advisories=frozenset(),
    allow_debug=False,
    minimum_tcb_evaluation_data_number=0,
    key_servers=frozenset(),
    enclaves=(),
)


def check(raw):
    """The first byte says which extensions are there; the rest is the first one's value."""
    which, value = raw[:1] or b"\0", raw[1:]
    names = [name for bit, name in enumerate((OID, LEGACY_OID, SDK_OID)) if which[0] >> bit & 1] or [OID]
    certificate = _certificate({name: value if at == 0 else GOOD for at, name in enumerate(names)})
    each(
        lambda: RaTlsEvidence.of(certificate),
        lambda: quote_of(certificate),
        lambda: verify_peer(certificate, BUNDLE, POLICY, at=SCENE.at),
    )


def _certificate(extensions):
    at, name = SCENE.at, x509.Name([])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, at, at + timedelta(hours=1))
    for oid, value in extensions.items():
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        builder = builder.add_extension(unknown, critical=False)
    return Certificate.of(builder.sign(KEY, SHA256()))


def _bound(report_data):
    return Scene.of(PLATFORM, report_data=report_data.ljust(64, b"\0")).quote


GOOD = _bound(sha256(SPKI).digest())


def extra_seeds():
    tagged = write_tagged(TAG, _bound(sha256(CLAIMS).digest()), CLAIMS)
    return [b"\1" + tagged, b"\3" + tagged, b"\7" + tagged, b"\2" + GOOD, b"\4" + GOOD]
