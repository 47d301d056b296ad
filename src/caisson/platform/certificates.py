"""The platform's certificates and revocation lists, in the shape of Intel's and under a root of their own.

Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification. The names keep the phrases that
verifiers look for; the organisation says what this is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from caisson.platform.machine import Machine
from caisson.platform.pck_extension import SGX_EXTENSIONS, encode_sgx_extension

ROOT_NAME = "Caisson Software SGX Root CA (protects nothing)"
_YEAR = timedelta(days=365)
# Clocks of guests may lag behind that of the platform.
_BACKDATED = timedelta(days=1)
# Where `caisson platform serve --pcs` listens unless told otherwise.
_SERVICE = "http://localhost:8081/sgx/certification/v4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey = field(repr=False)

    @property
    def pem(self) -> str:
        """The certificate as PEM, ending in a line feed."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @classmethod
    def root(cls, *, name: str, now: datetime) -> Self:
        """Make a self-signed root."""
        key = generate_private_key(SECP256R1())
        return cls._issue(_builder(name, name, key, now, 30), key, key, authority=1)

    def authority(self, *, name: str, now: datetime) -> Self:
        """Let this root certify an intermediate authority that issues PCK certificates."""
        key = generate_private_key(SECP256R1())
        return self._issue(_builder(name, self._name, key, now, 15), key, self.key, authority=0)

    def signer(self, *, name: str, now: datetime) -> Self:
        """Let this root certify a key that signs TCB info and QE identity."""
        key = generate_private_key(SECP256R1())
        return self._issue(_builder(name, self._name, key, now, 7), key, self.key)

    def pck(self, *, machine: Machine, now: datetime) -> Self:
        """Let this authority certify a machine's PCK."""
        key = generate_private_key(SECP256R1())
        url = f"{_SERVICE}/pckcrl?ca={machine.ca.value}&encoding=der"
        builder = _builder("Caisson Software SGX PCK Certificate", self._name, key, now, 7)
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(SGX_EXTENSIONS), encode_sgx_extension(machine))
        return self._issue(builder, key, self.key, crl=url, extra=extension)

    def revocation_list(self, revoked: Iterable[x509.Certificate], *, issued: datetime, next_update: datetime) -> bytes:
        """Give this authority's revocation list in DER; the same arguments give the same bytes."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(issued)
            .next_update(next_update)
            .add_extension(x509.CRLNumber(1), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(issued)
                .build()
            )
        return builder.sign(self.key, SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)

    @property
    def _name(self) -> str:
        return str(self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    @classmethod
    def _issue(
        cls,
        builder: x509.CertificateBuilder,
        key: EllipticCurvePrivateKey,
        issuer_key: EllipticCurvePrivateKey,
        *,
        authority: int | None = None,
        crl: str = f"{_SERVICE}/rootcacrl?encoding=der",
        extra: x509.UnrecognizedExtension | None = None,
    ) -> Self:
        """Sign `builder` with Intel's five extensions, in Intel's order; `authority` is a CA's path length."""
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
        is_ca = authority is not None
        usage = x509.KeyUsage(
            digital_signature=not is_ca,
            content_commitment=not is_ca,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=is_ca,
            crl_sign=is_ca,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
            )
            .add_extension(x509.CRLDistributionPoints([point]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(usage, critical=True)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=authority), critical=True)
        )
        if extra is not None:
            builder = builder.add_extension(extra, critical=False)
        return cls(certificate=builder.sign(issuer_key, SHA256()), key=key)


def _builder(
    subject: str, issuer: str, key: EllipticCurvePrivateKey, now: datetime, years: int
) -> x509.CertificateBuilder:
    start = now.replace(microsecond=0) - _BACKDATED
    return (
        x509.CertificateBuilder()
        .subject_name(_distinguished(subject))
        .issuer_name(_distinguished(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + years * _YEAR)
    )


def _distinguished(common_name: str) -> x509.Name:
    """Intel's five attributes, in Intel's order."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Caisson Software Platform"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "Nowhere"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "NA"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "ZZ"),
        ]
    )
