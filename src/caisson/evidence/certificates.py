"""Intel's certificate paths: exact PEM, one algorithm, one curve, constraints that are checked and not assumed.

Sources: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification; RFC 5280, section 6.
"""

import base64
import binascii
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from caisson.errors import ChainRejected, Malformed, UntrustedRoot
from caisson.evidence.roots import RootKey
from caisson.evidence.validity import Validity

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_MOST_CERTIFICATES = 4
_AUTHORITY_PATH = 2
_UNDERSTOOD = frozenset({ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE})

ROOT_PHRASE = "SGX Root CA"
PCK_PHRASE = "SGX PCK Certificate"
TCB_SIGNING_PHRASE = "SGX TCB Signing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A certificate path that was checked, but for the clock and the revocation lists: leaf first, root last."""

    certificates: tuple[x509.Certificate, ...]
    root: RootKey

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate that the path vouches for."""
        return self.certificates[0]

    @property
    def validities(self) -> tuple[Validity, ...]:
        """When each certificate is good."""
        return tuple(
            Validity(
                what=f"certificate `{common_name(each)}`",
                begins=each.not_valid_before_utc,
                ends=each.not_valid_after_utc,
            )
            for each in self.certificates
        )


def parse_chain(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read concatenated PEM certificates, in the order they come in; a quote's chain may end in one NUL.

    Raises:
        Malformed: not PEM certificates and nothing else, or a certificate that is not DER.
    """
    try:
        *blocks, rest = pem.removesuffix(b"\0").decode("ascii").split(_END)
    except UnicodeDecodeError as cause:
        raise Malformed("certificate chain is not PEM") from cause
    if rest.strip() or not 1 <= len(blocks) <= _MOST_CERTIFICATES:
        raise Malformed(f"certificate chain is not 1 to {_MOST_CERTIFICATES} PEM certificates and nothing else")
    return tuple(_parse_certificate(block) for block in blocks)


def verify_path(
    certificates: tuple[x509.Certificate, ...], *, length: int, leaf_phrase: str, roots: frozenset[RootKey]
) -> Path:
    """Check a path of exactly `length` certificates from a signer to a root whose key is in `roots`.

    The leaf comes first; the others are taken in the order in which they issued each other.

    Raises:
        UntrustedRoot: the path ends in another root.
        ChainRejected: a certificate is missing, is for another role, or was not issued by the next one.
    """
    path = _in_order(certificates, length=length)
    _check_leaf(path[0], leaf_phrase)
    for below, certificate in enumerate(path[1:]):
        _check_authority(certificate, authorities_below=below)
    return _anchored(path, roots)


def verify_authority(certificates: tuple[x509.Certificate, ...], *, roots: frozenset[RootKey]) -> Path:
    """Check the path of an authority that is certified by a root whose key is in `roots`: two certificates.

    Raises:
        UntrustedRoot: the path ends in another root.
        ChainRejected: a certificate is missing, is for another role, or was not issued by the next one.
    """
    path = _in_order(certificates, length=_AUTHORITY_PATH)
    for below, certificate in enumerate(path):
        _check_authority(certificate, authorities_below=below)
    return _anchored(path, roots)


def public_key(certificate: x509.Certificate) -> EllipticCurvePublicKey:
    """Give a certificate's P-256 key.

    Raises:
        ChainRejected: another kind of key, or another curve.
    """
    try:
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as cause:
        raise ChainRejected(f"certificate `{common_name(certificate)}` has a key that cannot be read") from cause
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ChainRejected(f"certificate `{common_name(certificate)}` does not have a P-256 key")
    return key


def common_name(certificate: x509.Certificate) -> str:
    """Give the subject's one common name, for messages and roles; empty when there is not exactly one."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def _parse_certificate(block: str) -> x509.Certificate:
    head, begin, body = block.partition(_BEGIN)
    if head.strip() or not begin:
        raise Malformed("certificate chain has text that is not a certificate")
    text = "".join(body.split())
    try:
        der = base64.b64decode(text, validate=True)
        certificate = x509.load_der_x509_certificate(der)
        # Names are read lazily; what cannot be read shall fail here.
        _ = (certificate.subject, certificate.issuer, certificate.version)
    except (binascii.Error, ValueError, x509.InvalidVersion) as cause:
        raise Malformed("certificate chain has a block that is not a certificate") from cause
    if base64.b64encode(der).decode("ascii") != text:
        raise Malformed("certificate chain is not base64 in its one spelling")
    return certificate


def _in_order(certificates: tuple[x509.Certificate, ...], *, length: int) -> tuple[x509.Certificate, ...]:
    if len(certificates) != length:
        raise ChainRejected(
            f"chain of `{common_name(certificates[0])}` has {len(certificates)} certificates, not {length}"
        )
    for certificate in certificates:
        _check_form(certificate)
    path, left = [certificates[0]], list(certificates[1:])
    while left:
        issuer = next((each for each in left if each.subject == path[-1].issuer), None)
        if issuer is None:
            raise ChainRejected(
                f"certificate `{common_name(path[-1])}` was issued by "
                f"`{path[-1].issuer.rfc4514_string()}`, which is not in its chain"
            )
        left.remove(issuer)
        path.append(issuer)
    return tuple(path)


def _anchored(path: tuple[x509.Certificate, ...], roots: frozenset[RootKey]) -> Path:
    anchor = path[-1]
    if ROOT_PHRASE not in common_name(anchor):
        raise ChainRejected(f"chain ends in `{common_name(anchor)}`, not in an `{ROOT_PHRASE}`")
    root = RootKey.of(anchor)
    if root not in roots:
        raise UntrustedRoot(
            f"chain ends in the root `{common_name(anchor)}` with key {root}, which is not accepted",
            hint="name this root in the policy only if you trust who holds its key",
        )
    for certificate, issuer in zip(path, (*path[1:], anchor), strict=True):
        _check_issued(certificate, issuer)
    return Path(certificates=path, root=root)


def _check_form(certificate: x509.Certificate) -> None:
    name = common_name(certificate)
    if certificate.version is not x509.Version.v3:
        raise ChainRejected(f"certificate `{name}` is not an X.509 version 3 certificate")
    if certificate.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        found = certificate.signature_algorithm_oid.dotted_string
        raise ChainRejected(f"certificate `{name}` is signed with algorithm {found}, not ECDSA with SHA-256")
    public_key(certificate)
    for extension in _extensions(certificate):
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise ChainRejected(
                f"certificate `{name}` has the unknown critical extension {extension.oid.dotted_string}"
            )


def _check_authority(certificate: x509.Certificate, *, authorities_below: int) -> None:
    constraints, usage = _constraints(certificate), _usage(certificate)
    name = common_name(certificate)
    if not (constraints.ca and usage.key_cert_sign and usage.crl_sign):
        raise ChainRejected(f"certificate `{name}` may not issue certificates and revocation lists")
    if constraints.path_length is not None and constraints.path_length < authorities_below:
        raise ChainRejected(
            f"certificate `{name}` allows {constraints.path_length} authorities below it, not {authorities_below}"
        )


def _check_leaf(certificate: x509.Certificate, phrase: str) -> None:
    if phrase not in common_name(certificate):
        raise ChainRejected(f"chain is for `{common_name(certificate)}`, not for an `{phrase}`")
    constraints, usage = _constraints(certificate), _usage(certificate)
    if constraints.ca or usage.key_cert_sign or not usage.digital_signature:
        raise ChainRejected(f"certificate `{common_name(certificate)}` is not one of an end entity that signs")


def _check_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError) as cause:
        raise ChainRejected(
            f"certificate `{common_name(certificate)}` was not issued by `{common_name(issuer)}`: "
            "its signature does not verify"
        ) from cause


def _constraints(certificate: x509.Certificate) -> x509.BasicConstraints:
    try:
        return _extensions(certificate).get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound as cause:
        raise ChainRejected(f"certificate `{common_name(certificate)}` has no basic constraints") from cause


def _usage(certificate: x509.Certificate) -> x509.KeyUsage:
    try:
        return _extensions(certificate).get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as cause:
        raise ChainRejected(f"certificate `{common_name(certificate)}` has no key usage") from cause


def _extensions(certificate: x509.Certificate) -> x509.Extensions:
    try:
        return certificate.extensions
    except (ValueError, x509.DuplicateExtension) as cause:
        raise ChainRejected(f"certificate `{common_name(certificate)}` has extensions that cannot be read") from cause
