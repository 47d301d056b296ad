"""AMD's certificates, read exactly.

AMD gives all endorsement keys the serial number 0, which RFC 5280 forbids and general X.509 readers are about to
refuse, and signs all its certificates in one way. So they are read here, from their DER, for just what they must say.

Source: AMD VCEK Certificate and KDS Interface Specification (57230), chapter 3.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtensionOID

from caisson.errors import ChainRejected, Malformed
from caisson.evidence.certificate import only_name
from caisson.evidence.roots import RootKey
from caisson.evidence.validity import Validity

_MOST_BYTES = 8 * 1024
_RSA_BITS = 4096
_V3 = 2
_SALT = 48
PSS_SHA384 = PSS(mgf=MGF1(SHA384()), salt_length=_SALT)
# RSASSA-PSS with SHA-384 and a salt of 48 bytes. AMD spells it with the trailer field that DER leaves out, and without.
_ALGORITHM_PREFIX = "06092a864886f70d01010a30"
_PARAMETERS = "a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130"
ALGORITHMS = frozenset(
    {
        bytes.fromhex(f"3046{_ALGORITHM_PREFIX}39{_PARAMETERS}a303020101"),
        bytes.fromhex(f"3041{_ALGORITHM_PREFIX}34{_PARAMETERS}"),
    }
)
_UNDERSTOOD = frozenset({ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class AmdCertificate:
    """A certificate whose form was checked, but nothing else.

    `issuer` and `subject` are DER, good for comparing; `extensions` go by dotted OID.
    """

    signed: bytes
    signature: bytes
    serial_number: int
    issuer: bytes
    subject: bytes
    common_name: str
    validity: Validity
    spki: bytes
    extensions: dict[str, bytes]

    @classmethod
    def parse(cls, der: bytes) -> "AmdCertificate":
        """Read one certificate and nothing after it.

        Raises:
            Malformed: not a DER certificate of version 3.
            ChainRejected: another signature algorithm, or an extension that is twice there, or critical and unknown.
        """
        if len(der) > _MOST_BYTES:
            raise Malformed(f"certificate has {len(der)} bytes, more than {_MOST_BYTES}")
        try:
            outer = asn1.decode_der(_Certificate, der)
            body = outer.body.parse(_Body)
            name = _common_name(body.subject)
            algorithms = {asn1.encode_der(outer.algorithm), asn1.encode_der(body.algorithm)}
            certificate = cls(
                signed=asn1.encode_der(outer.body),
                signature=_whole_bytes(outer.signature),
                serial_number=body.serial_number,
                issuer=_name_der(body.issuer),
                subject=_name_der(body.subject),
                common_name=name,
                validity=Validity(
                    what=f"certificate `{name}`",
                    begins=body.validity.begins.as_datetime(),
                    ends=body.validity.ends.as_datetime(),
                ),
                spki=asn1.encode_der(body.spki),
                extensions={each.oid.dotted_string: each.value for each in body.extensions},
            )
        except (ValueError, TypeError) as cause:
            raise Malformed("certificate is not one of AMD's form: X.509 version 3 in DER") from cause
        if body.version != _V3:
            raise Malformed(f"certificate `{name}` is not an X.509 version 3 certificate")
        if len(algorithms) != 1 or not algorithms <= ALGORITHMS:
            raise ChainRejected(f"certificate `{name}` is not signed with RSASSA-PSS and SHA-384")
        if len(certificate.extensions) != len(body.extensions):
            raise ChainRejected(f"certificate `{name}` has an extension twice")
        for extension in body.extensions:
            if extension.critical and extension.oid not in _UNDERSTOOD:
                raise ChainRejected(
                    f"certificate `{name}` has the unknown critical extension {extension.oid.dotted_string}"
                )
        return certificate

    @property
    def root_key(self) -> RootKey:
        """The name of the certificate's key, if it is a root's."""
        return RootKey(sha256(self.spki).digest())

    def rsa_key(self) -> RSAPublicKey:
        """Give the key of an authority.

        Raises:
            ChainRejected: not an RSA key of 4,096 bits.
        """
        try:
            key = load_der_public_key(self.spki)
        except (ValueError, TypeError, UnsupportedAlgorithm) as cause:
            raise ChainRejected(f"certificate `{self.common_name}` has a key that cannot be read") from cause
        if not isinstance(key, RSAPublicKey) or key.key_size != _RSA_BITS:
            raise ChainRejected(f"certificate `{self.common_name}` does not have an RSA key of {_RSA_BITS} bits")
        return key

    def require_issued_by(self, issuer: "AmdCertificate") -> None:
        """Check that `issuer` signed this certificate.

        Raises:
            ChainRejected: it is another's, or the signature does not verify.
        """
        if self.issuer != issuer.subject:
            raise ChainRejected(f"certificate `{self.common_name}` was not issued by `{issuer.common_name}`")
        try:
            issuer.rsa_key().verify(self.signature, self.signed, PSS_SHA384, SHA384())
        except InvalidSignature as cause:
            raise ChainRejected(
                f"certificate `{self.common_name}` was not issued by `{issuer.common_name}`: "
                "its signature does not verify"
            ) from cause


@asn1.sequence
class _Certificate:
    body: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class _Attribute:
    oid: x509.ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class _Name:
    parts: list[asn1.SetOf[_Attribute]]


@asn1.sequence
class _NameBytes:
    parts: asn1.TLV


@asn1.sequence
class _Validity:
    begins: asn1.UTCTime | asn1.GeneralizedTime
    ends: asn1.UTCTime | asn1.GeneralizedTime


@asn1.sequence
class _Extension:
    oid: x509.ObjectIdentifier
    critical: Annotated[bool, asn1.Default(value=False)]
    value: bytes


@asn1.sequence
class _Body:
    version: Annotated[int, asn1.Explicit(0)]
    serial_number: int
    algorithm: asn1.TLV
    issuer: list[asn1.SetOf[_Attribute]]
    validity: _Validity
    subject: list[asn1.SetOf[_Attribute]]
    spki: asn1.TLV
    extensions: Annotated[list[_Extension], asn1.Explicit(3)]


def _whole_bytes(bits: asn1.BitString) -> bytes:
    if bits.padding_bits():
        raise ValueError(bits)
    return bits.as_bytes()


def _name_der(name: list[asn1.SetOf[_Attribute]]) -> bytes:
    wrapped = asn1.decode_der(_NameBytes, asn1.encode_der(_Name(parts=name)))
    return asn1.encode_der(wrapped.parts)


def _common_name(name: list[asn1.SetOf[_Attribute]]) -> str:
    """Give the one common name, for messages and roles; empty when there is not exactly one."""
    return only_name(attribute for names in name for attribute in names.as_list())
