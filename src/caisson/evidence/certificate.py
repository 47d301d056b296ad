"""One X.509 certificate, read at once and exactly from its DER: nothing is left to be found unreadable later.

General X.509 readers are lazy and lenient, and differ in what they make of odd certificates. Vendors' certificates
are not odd, so these few structures are all that is read.

Source: RFC 5280, section 4.1.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, NamedTuple, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from caisson.errors import ChainRejected, Malformed
from caisson.evidence.roots import RootKey
from caisson.evidence.validity import Validity

MOST_BYTES = 64 * 1024
# What reading bytes that are not what they should be can raise.
UNREADABLE = (ValueError, TypeError, OverflowError, UnsupportedAlgorithm)

_V3 = 2
_REMEMBERED = 64
_DIGITAL_SIGNATURE, _KEY_CERT_SIGN, _CRL_SIGN = 0x80, 0x04, 0x02
_CONSTRAINTS, _USAGE = ExtensionOID.BASIC_CONSTRAINTS.dotted_string, ExtensionOID.KEY_USAGE.dotted_string


class Certificate(NamedTuple):
    """A certificate whose form was checked, and nothing else.

    `signed` is what `signature` is over; `algorithm` its AlgorithmIdentifier. `issuer` and `subject` are good for
    comparing only. `extensions` go by dotted OID; `critical` names those that may not be ignored.
    """

    signed: bytes
    algorithm: bytes
    signature: bytes
    serial_number: int
    issuer: bytes
    subject: bytes
    common_name: str
    issuer_name: str
    validity: Validity
    spki: bytes
    extensions: dict[str, bytes]
    critical: frozenset[str]

    @classmethod
    def parse(cls, der: bytes) -> "Certificate":
        """Read one certificate and nothing after it.

        Raises:
            Malformed: not a DER certificate of version 3, or one that contradicts itself.
        """
        if len(der) > MOST_BYTES:
            raise Malformed(f"certificate has {len(der)} bytes, more than {MOST_BYTES}")
        try:
            outer = asn1.decode_der(_Certificate, der)
            body = outer.body.parse(_Body)
            issuer, subject = name_bytes(body.issuer), name_bytes(body.subject)
            name = _common_name(subject)
            extensions = body.extensions or []
            inner_algorithm = asn1.encode_der(body.algorithm)
            certificate = cls(
                signed=asn1.encode_der(outer.body),
                algorithm=asn1.encode_der(outer.algorithm),
                signature=whole_bytes(outer.signature),
                serial_number=body.serial_number,
                issuer=issuer,
                subject=subject,
                common_name=name,
                issuer_name=_common_name(issuer),
                validity=Validity(
                    what=f"certificate `{name}`",
                    begins=body.validity.begins.as_datetime(),
                    ends=body.validity.ends.as_datetime(),
                ),
                spki=asn1.encode_der(body.spki),
                extensions={each.oid.dotted_string: each.value for each in extensions},
                critical=frozenset(each.oid.dotted_string for each in extensions if each.critical),
            )
        except UNREADABLE as cause:
            raise Malformed("certificate is not X.509 version 3 in DER") from cause
        if body.version != _V3:
            raise Malformed(f"certificate `{name}` is not of X.509 version 3")
        if certificate.algorithm != inner_algorithm:
            raise Malformed(f"certificate `{name}` names one signature algorithm inside and another outside")
        if len(certificate.extensions) != len(extensions):
            raise Malformed(f"certificate `{name}` has an extension twice")
        return certificate

    @classmethod
    def of(cls, certificate: x509.Certificate) -> "Certificate":
        """Read again what a general reader has read.

        Raises:
            Malformed: it is not as exact as it has to be here.
        """
        return cls.parse(certificate.public_bytes(Encoding.DER))

    @property
    def root_key(self) -> RootKey:
        """The name of the certificate's key, if it is a root's."""
        return RootKey(sha256(self.spki).digest())

    @property
    def may_sign(self) -> bool:
        """Whether it is an end entity whose key signs, and signs no certificates.

        Raises:
            ChainRejected: it does not say.
        """
        return not self._constraints.ca and self._usage & (_DIGITAL_SIGNATURE | _KEY_CERT_SIGN) == _DIGITAL_SIGNATURE

    @property
    def may_issue(self) -> bool:
        """Whether it is an authority's, whose key signs certificates and revocation lists.

        Raises:
            ChainRejected: it does not say.
        """
        return self._constraints.ca and self._usage & (_KEY_CERT_SIGN | _CRL_SIGN) == _KEY_CERT_SIGN | _CRL_SIGN

    @property
    def path_length(self) -> int | None:
        """How many authorities may follow below this one; `None` is any number.

        Raises:
            ChainRejected: it does not say.
        """
        return self._constraints.path_length

    @property
    def _constraints(self) -> "_BasicConstraints":
        try:
            return _basic_constraints(self._extension(_CONSTRAINTS))
        except UNREADABLE as cause:
            raise ChainRejected(
                f"certificate `{self.common_name}` has basic constraints that cannot be read"
            ) from cause

    @property
    def _usage(self) -> int:
        try:
            return _key_usage(self._extension(_USAGE))
        except UNREADABLE as cause:
            raise ChainRejected(f"certificate `{self.common_name}` has a key usage that cannot be read") from cause

    def _extension(self, oid: str) -> bytes:
        value = self.extensions.get(oid)
        if value is None:
            raise ChainRejected(f"certificate `{self.common_name}` has no extension {oid}")
        return value


@asn1.sequence
class _Attribute:
    oid: x509.ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class Extension:
    """An Extension."""

    oid: x509.ObjectIdentifier
    critical: Annotated[bool, asn1.Default(value=False)]
    value: bytes


@asn1.sequence
class _AnyName:
    name: asn1.TLV


@asn1.sequence
class _Name:
    name: list[asn1.SetOf[_Attribute]]


@asn1.sequence
class _Certificate:
    body: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class _Validity:
    begins: asn1.UTCTime | asn1.GeneralizedTime
    ends: asn1.UTCTime | asn1.GeneralizedTime


@asn1.sequence
class _Body:
    version: Annotated[int, asn1.Explicit(0)]
    serial_number: int
    algorithm: asn1.TLV
    issuer: asn1.TLV
    validity: _Validity
    subject: asn1.TLV
    spki: asn1.TLV
    extensions: Annotated[list[Extension] | None, asn1.Explicit(3)]


@asn1.sequence
class _BasicConstraints:
    ca: Annotated[bool, asn1.Default(value=False)]
    path_length: int | None


# A handful of values occur in all certificates there are.
@lru_cache(maxsize=_REMEMBERED)
def _basic_constraints(extension: bytes) -> _BasicConstraints:
    return asn1.decode_der(_BasicConstraints, extension)


@lru_cache(maxsize=_REMEMBERED)
def _key_usage(extension: bytes) -> int:
    """Give the first eight bits; the ninth says nothing about signing."""
    return int.from_bytes(asn1.decode_der(asn1.BitString, extension).as_bytes()[:1], "big")


def whole_bytes(bits: asn1.BitString) -> bytes:
    """Give the bytes of a BIT STRING that has no odd bits.

    Raises:
        ValueError: it has.
    """
    if bits.padding_bits():
        raise ValueError(bits)
    return bits.as_bytes()


def name_bytes(name: asn1.TLV) -> bytes:
    """Give a name's bytes, good for comparing."""
    return asn1.encode_der(_AnyName(name=name))


# A name is the subject of one certificate and the issuer of others.
@lru_cache(maxsize=_REMEMBERED)
def _common_name(name: bytes) -> str:
    """Give the one common name, for messages and roles; empty when there is not exactly one."""
    attributes = (attribute for names in asn1.decode_der(_Name, name).name for attribute in names.as_list())
    return only_name(attributes)


class Attribute(Protocol):
    """A part of a name."""

    oid: x509.ObjectIdentifier
    value: asn1.TLV


def only_name(attributes: Iterable[Attribute]) -> str:
    """Give the one common name among the parts of a name, in which nothing is left that is not to be shown as it is."""
    found = [bytes(each.value.data).decode() for each in attributes if each.oid == NameOID.COMMON_NAME]
    name = found[0] if len(found) == 1 else ""
    if name.isprintable():
        return name
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in name)
