from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from caisson.errors import UsageError
from caisson.keyserver.ca import CertificateAuthority, SubjectNames

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = SubjectNames(dns=("redis.example.org",), ip=(ip_address("192.0.2.7"),))
EVIDENCE = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.23.133.5.4.9"), b"\x40")


@pytest.fixture(scope="module")
def authority():
    return CertificateAuthority.create("example.org", at=NOW)


def issue(authority, *, at=NOW, **options):
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return authority.issue_workload("redis", NAMES, public_key=der, evidence=EVIDENCE, at=at, **options)


def verify(authority, leaf, *, at=NOW, name="redis.example.org"):
    builder = PolicyBuilder().store(Store([authority.certificate])).time(at)
    return builder.build_server_verifier(x509.DNSName(name)).verify(leaf, [])


def test_others_accept_the_chain_for_the_names_of_the_workload_only(authority):
    leaf = issue(authority)
    assert verify(authority, leaf) == [leaf, authority.certificate]
    with pytest.raises(VerificationError):
        verify(authority, leaf, name="other.example.org")


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({}, timedelta(hours=24)),
        ({"lifetime": timedelta(hours=1)}, timedelta(hours=1)),
        ({"lifetime": timedelta(days=7)}, timedelta(days=7)),
        ({"lifetime": timedelta(days=900)}, timedelta(days=45)),
    ],
)
def test_a_leaf_ends_within_a_day_unless_more_was_asked_and_never_after_the_most(authority, asked, given):
    leaf = issue(authority, **asked)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == given
    verify(authority, leaf, at=leaf.not_valid_after_utc)
    with pytest.raises(VerificationError):
        verify(authority, leaf, at=NOW + given)


def test_a_leaf_does_not_outlive_its_authority(authority):
    end = authority.certificate.not_valid_after_utc
    assert issue(authority, at=end - timedelta(hours=1)).not_valid_after_utc == end


def test_another_authority_of_the_same_name_is_another(authority):
    impostor = CertificateAuthority.create("example.org", at=NOW)
    assert impostor.certificate.subject == authority.certificate.subject
    with pytest.raises(InvalidSignature):
        issue(impostor).verify_directly_issued_by(authority.certificate)


def test_a_leaf_signs_nothing_and_the_authority_signs_leaves_only(authority):
    constraints = x509.BasicConstraints
    assert issue(authority).extensions.get_extension_for_class(constraints).value.ca is False
    assert authority.certificate.extensions.get_extension_for_class(constraints).value.path_length == 0


def test_the_authority_shows_no_key(authority):
    assert "key" not in repr(authority).lower().replace("keyserver", "")


@pytest.mark.parametrize("domain", ["", "Example.org", "spiffe://x", "a b", "-a", "x" * 256, "a/b"])
def test_a_trust_domain_is_a_plain_name(domain):
    with pytest.raises(UsageError):
        CertificateAuthority.create(domain, at=NOW)
