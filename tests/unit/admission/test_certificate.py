"""Certificates of the webhook's own: short-lived, for its names only, and replaced before they end."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from caisson.admission import FileCertificate, OwnCertificate, ServingCertificate
from caisson.admission.certificate import with_authority
from caisson.errors import Unavailable, UsageError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def issue(at=NOW):
    return ServingCertificate.issue(("hook.ns.svc", "10.0.0.1"), at=at, lifetime=DAY)


def test_the_certificate_is_for_its_names_and_signed_by_its_authority():
    made = issue()
    names = made.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hook.ns.svc"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    made.leaf.verify_directly_issued_by(made.authority)
    assert made.leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_a_bundle_keeps_who_is_valid_and_drops_who_is_not():
    old, running = issue(NOW - 2 * DAY), issue(NOW - DAY / 2)
    bundle = with_authority(old.authority_pem + running.authority_pem, issue().authority_pem, at=NOW)
    assert old.authority_pem not in bundle
    assert running.authority_pem in bundle
    assert bundle.count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(
    "bundle", ["", " \n", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_bundle_that_is_none_is_replaced(bundle):
    pem = issue().authority_pem
    assert with_authority(bundle, pem, at=NOW) == pem


def test_it_is_renewed_when_a_third_of_its_time_is_over_and_published_before():
    now, published = [NOW], []
    certificate = OwnCertificate(
        ("a",), lambda pem, at: published.append((pem, at)), lifetime=3 * DAY, clock=lambda: now[0]
    )
    assert certificate.renew()
    now[0] += DAY - timedelta(seconds=1)
    assert not certificate.renew()
    now[0] += timedelta(seconds=1)
    assert certificate.renew()
    assert [at for _, at in published] == [NOW, NOW + DAY]
    assert published[0][0] != published[1][0]


def test_what_cannot_be_published_is_not_used_and_is_tried_again():
    def fail(pem, at):
        raise Unavailable(f"{pem}{at}")

    certificate = OwnCertificate(("a",), fail, lifetime=DAY, clock=lambda: NOW)
    for _ in range(2):
        with pytest.raises(Unavailable):
            certificate.renew()


def test_files_are_read_again_when_they_change(tmp_path):
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    from_files = FileCertificate(certificate, key)
    with pytest.raises(UsageError):
        from_files.renew()
    made = issue()
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    certificate.write_bytes(made.leaf.public_bytes(Encoding.PEM))
    key.write_bytes(made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert from_files.renew()
    assert not from_files.renew()
    key.write_bytes(issue().key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(UsageError, match="cannot be used"):
        from_files.renew()


def test_only_the_newest_tls_is_spoken():
    certificate = OwnCertificate(("a",), lambda pem, at: None, lifetime=DAY)  # noqa: ARG005
    assert certificate.context.minimum_version == ssl.TLSVersion.TLSv1_3
