"""A certificate authority for one server name, which lives in memory and signs one certificate."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingCertificate:
    """A key and its certificate, and the authority that signed it and nothing else: its key is gone already."""

    key: EllipticCurvePrivateKey
    leaf: x509.Certificate
    authority: x509.Certificate

    @classmethod
    def issue(cls, names: tuple[str, ...], *, at: datetime, lifetime: timedelta) -> Self:
        """Make a new authority and a certificate for DNS names and addresses, with the same lifetime."""
        authority_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "caisson webhook")])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])

        def builder(name: x509.Name, public: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
            return (
                x509.CertificateBuilder()
                .subject_name(name)
                .issuer_name(issuer)
                .public_key(public.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(at - _CLOCK_SKEW)
                .not_valid_after(at + lifetime)
            )

        identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
        authority = (
            builder(issuer, authority_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(authority_key, SHA256())
        )
        leaf = (
            builder(subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
            .sign(authority_key, SHA256())
        )
        return cls(key=key, leaf=leaf, authority=authority)

    @property
    def authority_pem(self) -> str:
        """What the API server must trust."""
        return self.authority.public_bytes(Encoding.PEM).decode()


def with_authority(bundle: str, pem: str, *, at: datetime) -> str:
    """Add an authority to a bundle, and drop those whose time is over, or which are none: replicas share a bundle."""
    try:
        known = x509.load_pem_x509_certificates(bundle.encode()) if bundle.strip() else []
    except ValueError:
        known = []
    kept = [each.public_bytes(Encoding.PEM).decode() for each in known if each.not_valid_after_utc > at]
    return "".join(dict.fromkeys([*kept, pem]))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
