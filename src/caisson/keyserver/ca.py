"""The key server's certificate authority: P-256, SPIFFE names, short lives."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from caisson.errors import Malformed, UsageError

TRUST_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?")
DNS_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
LEAF_LIFETIME = timedelta(hours=24)
MOST_LEAF_LIFETIME = timedelta(days=45)  # docs/adr/0013-certificates-that-end.md
_CA_LIFETIME = timedelta(days=3650)
# Clocks differ; the tolerance is part of the lifetime, not added to it.
_CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectNames:
    """Where a leaf may be reached: DNS names and addresses. The holder never chooses them itself."""

    dns: tuple[str, ...] = ()
    ip: tuple[IPv4Address | IPv6Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CertificateAuthority:
    """A key and its self-signed certificate for one SPIFFE trust domain; `repr` shows neither."""

    key: EllipticCurvePrivateKey
    certificate: x509.Certificate
    trust_domain: str

    @classmethod
    def create(cls, trust_domain: str, *, at: datetime) -> Self:
        """Make a new authority, which signs leaves only.

        Raises:
            UsageError: not a trust domain (SPIFFE ID, 2.1).
        """
        check_trust_domain(trust_domain)
        key = generate_private_key(SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Caisson"),
                # X.520 bounds a common name at 64 characters.
                x509.NameAttribute(NameOID.COMMON_NAME, f"Key server CA {trust_domain}"[:64]),
            ]
        )
        usage = _key_usage(signs_certificates=True)
        certificate = (
            _builder(name, name, key.public_key(), key.public_key(), at - _CLOCK_TOLERANCE, at + _CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")]),
                critical=False,
            )
            .sign(key, SHA256())
        )
        return cls(key=key, certificate=certificate, trust_domain=trust_domain)

    def issue_workload(
        self,
        workload: str,
        names: SubjectNames,
        *,
        public_key: bytes,
        evidence: x509.UnrecognizedExtension,
        at: datetime,
        lifetime: timedelta = LEAF_LIFETIME,
    ) -> x509.Certificate:
        """Sign a workload's leaf for the public key (DER) in its evidence, which the certificate carries.

        It lives as long as was asked, and never longer than `MOST_LEAF_LIFETIME`.

        Raises:
            Malformed: the key is not a P-256 SubjectPublicKeyInfo.
        """
        uri = x509.UniformResourceIdentifier(f"spiffe://{self.trust_domain}/workload/{workload}")
        lifetime = min(lifetime, MOST_LEAF_LIFETIME)
        return (
            self._leaf(workload, uri, names, public_key=_p256(public_key), at=at, lifetime=lifetime)
            .add_extension(evidence, critical=False)
            .sign(self.key, SHA256())
        )

    def issue_server(
        self, names: SubjectNames, *, public_key: EllipticCurvePublicKey, at: datetime, lifetime: timedelta
    ) -> x509.Certificate:
        """Sign the key server's own TLS leaf."""
        uri = x509.UniformResourceIdentifier(f"spiffe://{self.trust_domain}/keyserver")
        leaf = self._leaf("keyserver", uri, names, public_key=public_key, at=at, lifetime=lifetime)
        return leaf.sign(self.key, SHA256())

    def _leaf(
        self,
        common_name: str,
        uri: x509.UniformResourceIdentifier,
        names: SubjectNames,
        *,
        public_key: EllipticCurvePublicKey,
        at: datetime,
        lifetime: timedelta,
    ) -> x509.CertificateBuilder:
        begin = at - _CLOCK_TOLERANCE
        end = min(begin + lifetime, self.certificate.not_valid_after_utc)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        alternatives = [uri, *(x509.DNSName(name) for name in names.dns), *(x509.IPAddress(ip) for ip in names.ip)]
        return (
            _builder(subject, self.certificate.subject, public_key, self.key.public_key(), begin, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        )


def check_trust_domain(name: str) -> None:
    """Refuse what is no trust domain.

    Raises:
        UsageError: other characters than lower-case letters, digits, dots and dashes.
    """
    if not TRUST_DOMAIN.fullmatch(name):
        raise UsageError(f"`{name[:80]}` is not a trust domain", hint="use lower-case letters, digits, dots and dashes")


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: EllipticCurvePublicKey,
    issuer_key: EllipticCurvePublicKey,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _p256(spki: bytes) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(spki)
    except ValueError as cause:
        raise Malformed("TLS key is not a DER SubjectPublicKeyInfo") from cause
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise Malformed("TLS key is not on P-256")
    return key
