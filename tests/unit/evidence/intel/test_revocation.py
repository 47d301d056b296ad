"""Revocation lists: whole, signed by their issuer, with a next one announced; anything else says nothing."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from caisson.errors import CertificateRevoked, ChainRejected, CrlRejected
from caisson.evidence.certificate import Certificate
from caisson.evidence.intel.revocation import RevocationList

WHAT = "PCK CRL"
ONLY_AUTHORITIES = x509.IssuingDistributionPoint(
    full_name=None,
    relative_name=None,
    only_contains_user_certs=False,
    only_contains_ca_certs=True,
    only_some_reasons=None,
    indirect_crl=False,
    only_contains_attribute_certs=False,
)


def read(certificate):
    return Certificate.parse(certificate.public_bytes(Encoding.DER))


@pytest.fixture(scope="module")
def issuer(platform):
    return platform.provisioning.pck_ca


@pytest.fixture(scope="module")
def make_list(scene, issuer):
    numbered = ((x509.CRLNumber(1), False),)

    def make(*, key=None, issued_by=None, algorithm=SHA256, extensions=numbered, revoked=()):
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issued_by or issuer.certificate.subject)
            .last_update(scene.at)
            .next_update(scene.at + timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        for serial, entry_extensions in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(scene.at)
            for extension, critical in entry_extensions:
                entry = entry.add_extension(extension, critical)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(key or issuer.key, algorithm()).public_bytes(Encoding.DER)

    return make


@pytest.fixture(scope="module")
def verify(issuer):
    return lambda der: RevocationList.verify(der, what=WHAT, issuer=read(issuer.certificate))


def test_a_list_without_extensions_is_refused(verify, make_list):
    with pytest.raises(CrlRejected, match="has no extensions"):
        verify(make_list(extensions=()))


def test_a_good_list_names_what_is_revoked(verify, make_list, scene, platform):
    reason = (x509.CRLReason(x509.ReasonFlags.key_compromise), False)
    pck = platform.provisioning.pck.certificate
    found = verify(make_list(revoked=[(pck.serial_number, [reason])]))
    assert found.revoked == {pck.serial_number}
    assert (found.validity.begins, found.validity.ends) == (scene.at, scene.at + timedelta(days=1))
    with pytest.raises(CertificateRevoked, match=f"{pck.serial_number:x}"):
        found.require_absent(read(pck))
    verify(make_list(revoked=[(1, [])])).require_absent(read(pck))


def test_a_list_speaks_only_of_its_issuers_certificates(verify, make_list, platform):
    with pytest.raises(CrlRejected, match="another authority issued it"):
        verify(make_list()).require_absent(read(platform.provisioning.tcb_signer.certificate))


def test_a_list_must_be_signed_by_its_issuer(verify, make_list, new_key):
    with pytest.raises(CrlRejected, match="is not signed by"):
        verify(make_list(key=new_key()))
    changed = bytearray(make_list())
    changed[-1] ^= 1
    with pytest.raises(CrlRejected):
        verify(bytes(changed))


@pytest.mark.parametrize(
    "key", [generate_private_key(SECP384R1()), Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)]
)
def test_an_issuer_has_a_key_of_the_one_kind(make_list, issuer, platform, reissued, key):
    """However good its certificate is otherwise: nothing is verified with a key of another kind."""
    other = reissued(issuer.certificate, platform.provisioning.root.key, key=key.public_key())
    with pytest.raises(ChainRejected, match="does not have a P-256 key"):
        RevocationList.verify(make_list(), what=WHAT, issuer=read(other))


def test_a_list_with_another_issuers_name_is_refused(verify, make_list, platform):
    with pytest.raises(CrlRejected, match="bears another name"):
        verify(make_list(issued_by=platform.provisioning.root.certificate.subject))


def test_a_list_with_another_hash_is_refused(verify, make_list):
    with pytest.raises(CrlRejected):
        verify(make_list(algorithm=SHA384))


@pytest.mark.parametrize(
    "extension",
    [
        pytest.param((x509.DeltaCRLIndicator(1), True), id="only what is new"),
        pytest.param((x509.DeltaCRLIndicator(1), False), id="only what is new, in small print"),
        pytest.param((ONLY_AUTHORITIES, True), id="only authorities"),
        pytest.param((ONLY_AUTHORITIES, False), id="only authorities, in small print"),
        pytest.param(
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\5\0"), True), id="critical and unknown"
        ),
    ],
)
def test_a_list_that_is_not_complete_is_refused(verify, make_list, extension):
    with pytest.raises(CrlRejected, match="not a complete list"):
        verify(make_list(extensions=[extension]))


def test_entries_with_critical_extensions_are_refused(verify, make_list):
    """In an indirect list such an entry would be another issuer's certificate."""
    other = x509.CertificateIssuer([x509.DNSName("other")])
    with pytest.raises(CrlRejected, match="not a complete list"):
        verify(make_list(revoked=[(1, [(other, True)])]))


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"x" * 100])
def test_what_is_no_list_is_refused(verify, der):
    with pytest.raises(CrlRejected):
        verify(der)


def test_a_list_that_is_too_large_is_not_even_read(verify):
    with pytest.raises(CrlRejected, match="more than 4194304"):
        verify(bytes((4 << 20) + 1))
    with pytest.raises(CrlRejected, match="is not a certificate revocation list"):
        verify(bytes(4 << 20))


def test_a_certificate_is_no_list(verify, issuer):
    with pytest.raises(CrlRejected):
        verify(issuer.certificate.public_bytes(Encoding.DER))


def without_next_update(der):
    """Cut the second time out of a list, and mend the lengths around it."""
    time = der.index(b"\x17\x0d", der.index(b"\x17\x0d") + 1)
    cut = bytearray(der[:time] + der[time + 15 :])
    assert cut[1] == cut[5] == 0x82
    for at in (2, 6):
        cut[at : at + 2] = (int.from_bytes(cut[at : at + 2], "big") - 15).to_bytes(2, "big")
    return bytes(cut)


def test_a_list_must_say_when_the_next_is_due(verify, make_list, issuer):
    der = without_next_update(make_list(extensions=[(x509.IssuerAlternativeName([x509.DNSName("x" * 99)]), False)]))
    signed = der[4 : 8 + int.from_bytes(der[6:8], "big")]
    with pytest.raises(CrlRejected, match="says when the next one is due"):
        verify(put_together(signed, issuer.key))


ECDSA_SHA256, ECDSA_SHA384 = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040303")


def put_together(signed, key, algorithm=ECDSA_SHA256):
    """Sign the body of a list with SHA-256, whatever `algorithm` says, and put it together."""
    signature = key.sign(signed, ECDSA(SHA256()))
    # The signature ends the list: BIT STRING of the DER signature over what comes before.
    content = signed + b"\x30\x0a\x06\x08" + algorithm + bytes((3, len(signature) + 1, 0)) + signature
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


def test_a_list_of_a_version_to_come_is_refused(verify, make_list, issuer):
    der = make_list(extensions=[(x509.IssuerAlternativeName([x509.DNSName("x" * 200)]), False)])
    signed = der[4 : 8 + int.from_bytes(der[6:8], "big")]
    assert signed[4:7] == b"\2\1\1"
    with pytest.raises(CrlRejected, match="not a complete list"):
        verify(put_together(signed[:6] + b"\2" + signed[7:], issuer.key))


def test_a_list_is_signed_as_it_says(verify, make_list, issuer):
    """Inside and outside it names another hash; the signature is good, but by the usual one."""
    der = make_list(extensions=[(x509.IssuerAlternativeName([x509.DNSName("x" * 200)]), False)])
    assert der[5] == 0x82
    signed = der[4 : 8 + int.from_bytes(der[6:8], "big")]
    assert verify(put_together(signed, issuer.key))
    renamed = signed.replace(ECDSA_SHA256, ECDSA_SHA384, 1)
    assert renamed != signed
    with pytest.raises(CrlRejected, match="is not signed by"):
        verify(put_together(renamed, issuer.key, ECDSA_SHA384))
    for inside, outside in ((renamed, ECDSA_SHA256), (signed, ECDSA_SHA384)):
        with pytest.raises(CrlRejected):
            verify(put_together(inside, issuer.key, outside))
