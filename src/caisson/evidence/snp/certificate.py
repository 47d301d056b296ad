"""AMD's certificates: the form that all of them have, the keys of authorities, and who issued which.

AMD gives all endorsement keys the serial number 0, which RFC 5280 forbids: general X.509 readers are about to refuse
them.

Source: AMD VCEK Certificate and KDS Interface Specification (57230), chapter 3.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtensionOID

from caisson.errors import ChainRejected, Malformed
from caisson.evidence.certificate import UNREADABLE, Certificate

_MOST_BYTES = 8 * 1024
_RSA_BITS = 4096
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
_UNDERSTOOD = frozenset({ExtensionOID.BASIC_CONSTRAINTS.dotted_string, ExtensionOID.KEY_USAGE.dotted_string})


def parse_certificate(der: bytes) -> Certificate:
    """Read one certificate, at most 8 KiB, and nothing after it.

    Raises:
        Malformed: not a DER certificate of version 3, or one that contradicts itself.
        ChainRejected: another signature algorithm, or a critical extension that is unknown.
    """
    if len(der) > _MOST_BYTES:
        raise Malformed(f"certificate has {len(der)} bytes, more than {_MOST_BYTES}")
    certificate = Certificate.parse(der)
    name = certificate.common_name
    if certificate.algorithm not in ALGORITHMS:
        raise ChainRejected(f"certificate `{name}` is not signed with RSASSA-PSS and SHA-384")
    if unknown := sorted(certificate.critical - _UNDERSTOOD):
        raise ChainRejected(f"certificate `{name}` has the unknown critical extension {unknown[0]}")
    return certificate


def rsa_key(authority: Certificate) -> RSAPublicKey:
    """Give the key of an authority.

    Raises:
        ChainRejected: not an RSA key of 4,096 bits.
    """
    try:
        key = load_der_public_key(authority.spki)
    except UNREADABLE as cause:
        raise ChainRejected(f"certificate `{authority.common_name}` has a key that cannot be read") from cause
    if not isinstance(key, RSAPublicKey) or key.key_size != _RSA_BITS:
        raise ChainRejected(f"certificate `{authority.common_name}` does not have an RSA key of {_RSA_BITS} bits")
    return key


def require_issued_by(certificate: Certificate, issuer: Certificate) -> None:
    """Check that `issuer` signed a certificate.

    Raises:
        ChainRejected: it is another's, or the signature does not verify.
    """
    words = f"certificate `{certificate.common_name}` was not issued by `{issuer.common_name}`"
    if certificate.issuer != issuer.subject:
        raise ChainRejected(words)
    try:
        rsa_key(issuer).verify(certificate.signature, certificate.signed, PSS_SHA384, SHA384())
    except InvalidSignature as cause:
        raise ChainRejected(f"{words}: its signature does not verify") from cause
