"""Intel's certificate paths: exact PEM, one algorithm, one curve, constraints that are checked and not assumed.

Sources: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification; RFC 5280, section 6.
"""

import binascii
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509.oid import ExtensionOID

from caisson.errors import ChainRejected, Malformed, UntrustedRoot
from caisson.evidence.certificate import UNREADABLE, Certificate
from caisson.evidence.intel import ecdsa
from caisson.evidence.roots import RootKey
from caisson.evidence.validity import Validity

ROOT_PHRASE = "SGX Root CA"
PCK_PHRASE = "SGX PCK Certificate"
TCB_SIGNING_PHRASE = "SGX TCB Signing"
# AlgorithmIdentifier of ecdsa-with-SHA256, which has no parameters (RFC 5758, section 3.2).
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_MOST_CERTIFICATES = 4
_REMEMBERED = 256
_AUTHORITY_PATH = 2
_UNDERSTOOD = frozenset({ExtensionOID.BASIC_CONSTRAINTS.dotted_string, ExtensionOID.KEY_USAGE.dotted_string})


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A certificate path that was checked, but for the clock and the revocation lists: leaf first, root last."""

    certificates: tuple[Certificate, ...]
    root: RootKey

    @property
    def leaf(self) -> Certificate:
        """The certificate that the path vouches for."""
        return self.certificates[0]

    @property
    def validities(self) -> tuple[Validity, ...]:
        """When each certificate is good."""
        return tuple(each.validity for each in self.certificates)


def parse_chain(pem: bytes) -> tuple[Certificate, ...]:
    """Read concatenated PEM certificates, in the order they come in; a quote's chain may end in one NUL.

    Lines end in LF or CRLF, none is empty, and there is no other white space: nothing that is not signed may be changed
    unseen, and nobody can make a chain longer, which is remembered with all that it vouches for.

    Raises:
        Malformed: not PEM certificates and nothing else, or a certificate that is not DER.
    """
    lines = _lines(pem.removesuffix(b"\0"))
    if lines.startswith(b"\n") or b"\n\n" in lines:
        raise Malformed("certificate chain has empty lines")
    *blocks, rest = lines.split(_END)
    if rest.removeprefix(b"\n") or not 1 <= len(blocks) <= _MOST_CERTIFICATES:
        raise Malformed(f"certificate chain is not 1 to {_MOST_CERTIFICATES} PEM certificates and nothing else")
    # Where a certificate stands in its chain, and so the line end before it, is no part of it.
    return tuple(_certificate(block.removeprefix(b"\n")) for block in blocks)


def verify_path(
    certificates: tuple[Certificate, ...], *, length: int, leaf_phrase: str, roots: frozenset[RootKey]
) -> Path:
    """Check a path of exactly `length` certificates from a signer to a root whose key is in `roots`.

    The leaf comes first; the others are taken in the order in which they issued each other.

    Raises:
        UntrustedRoot: the path ends in another root.
        ChainRejected: a certificate is missing, is for another role, or was not issued by the next one.
    """
    leaf, *authorities = path = _in_order(certificates, length=length)
    if leaf_phrase not in leaf.common_name:
        raise ChainRejected(f"chain is for `{leaf.common_name}`, not for an `{leaf_phrase}`")
    if not leaf.may_sign:
        raise ChainRejected(f"certificate `{leaf.common_name}` is not one of an end entity that signs")
    _check_authorities(authorities)
    return _anchored(path, roots)


def verify_authority(certificates: tuple[Certificate, ...], *, roots: frozenset[RootKey]) -> Path:
    """Check the path of an authority that is certified by a root whose key is in `roots`: two certificates.

    Raises:
        UntrustedRoot: the path ends in another root.
        ChainRejected: a certificate is missing, is for another role, or was not issued by the next one.
    """
    path = _in_order(certificates, length=_AUTHORITY_PATH)
    _check_authorities(path)
    return _anchored(path, roots)


def public_key(certificate: Certificate) -> EllipticCurvePublicKey:
    """Give a certificate's P-256 key.

    Raises:
        ChainRejected: another kind of key, another curve, or a point that is not on it.
    """
    if not certificate.spki.startswith(ecdsa.P256):
        raise ChainRejected(f"certificate `{certificate.common_name}` does not have a P-256 key")
    try:
        return _load_key(certificate.spki)
    except UNREADABLE as cause:
        raise ChainRejected(f"certificate `{certificate.common_name}` has a key that is none") from cause


def is_signed(signed: bytes, signature: bytes, *, algorithm: bytes, by: Certificate) -> bool:
    """Tell whether an X.509 signature is one by the key of a certificate, ECDSA with SHA-256.

    Raises:
        ChainRejected: the certificate's key is of another kind.
    """
    public_key(by)
    return algorithm == ECDSA_SHA256 and _verifies(by.spki, signature, sha256(signed).digest())


# The paths of one verification share their upper ends: each signature there is worth checking once.
@lru_cache(maxsize=_REMEMBERED)
def _verifies(spki: bytes, signature: bytes, digest: bytes) -> bool:
    return ecdsa.is_signed(_load_key(spki), signature, digest)


@lru_cache(maxsize=_REMEMBERED)
def _load_key(spki: bytes) -> EllipticCurvePublicKey:
    return ecdsa.load_spki(spki)


# The chains of one verification share certificates as well: each is worth reading once.
@lru_cache(maxsize=_REMEMBERED)
def _certificate(block: bytes) -> Certificate:
    return Certificate.parse(_der(block))


def _lines(pem: bytes) -> bytes:
    # Most chains have no CR at all, which is found out ten times as fast as where a CRLF is.
    return pem.replace(b"\r\n", b"\n") if b"\r" in pem else pem


def _der(block: bytes) -> bytes:
    head, begin, body = block.partition(_BEGIN)
    if head or not begin:
        raise Malformed("certificate chain has text that is not a certificate")
    text = body.replace(b"\n", b"")
    try:
        der = binascii.a2b_base64(text)
    except binascii.Error as cause:
        raise Malformed("certificate chain is not base64") from cause
    # What is no base64 is skipped above, and missing here.
    if binascii.b2a_base64(der, newline=False) != text:
        raise Malformed("certificate chain is not base64 in its one spelling")
    return der


def _in_order(certificates: tuple[Certificate, ...], *, length: int) -> list[Certificate]:
    path, left = [certificates[0]], list(certificates[1:])
    if len(certificates) != length:
        raise ChainRejected(f"chain of `{path[0].common_name}` has {len(certificates)} certificates, not {length}")
    for certificate in certificates:
        _check_form(certificate)
    while left:
        issuer = next((each for each in left if each.subject == path[-1].issuer), None)
        if issuer is None:
            raise ChainRejected(
                f"certificate `{path[-1].common_name}` was issued by `{path[-1].issuer_name}`, "
                "which is not in its chain"
            )
        left.remove(issuer)
        path.append(issuer)
    return path


def _check_form(certificate: Certificate) -> None:
    name = certificate.common_name
    if certificate.algorithm != ECDSA_SHA256:
        raise ChainRejected(f"certificate `{name}` is signed with another algorithm than ECDSA with SHA-256")
    if not certificate.spki.startswith(ecdsa.P256):
        raise ChainRejected(f"certificate `{name}` does not have a P-256 key")
    if unknown := sorted(certificate.critical - _UNDERSTOOD):
        raise ChainRejected(f"certificate `{name}` has the unknown critical extension {unknown[0]}")


def _check_authorities(authorities: list[Certificate]) -> None:
    for below, certificate in enumerate(authorities):
        name, most = certificate.common_name, certificate.path_length
        if not certificate.may_issue:
            raise ChainRejected(f"certificate `{name}` may not issue certificates and revocation lists")
        if most is not None and most < below:
            raise ChainRejected(f"certificate `{name}` allows {most} authorities below it, not {below}")


def _anchored(path: list[Certificate], roots: frozenset[RootKey]) -> Path:
    anchor = path[-1]
    root = anchor.root_key
    if ROOT_PHRASE not in anchor.common_name:
        raise ChainRejected(f"chain ends in `{anchor.common_name}`, not in an `{ROOT_PHRASE}`")
    if root not in roots:
        raise UntrustedRoot(
            f"chain ends in the root `{anchor.common_name}` with key {root}, which is not accepted",
            hint="name this root in the policy only if you trust who holds its key",
        )
    for certificate, issuer in zip(path, (*path[1:], anchor), strict=True):
        if certificate.issuer != issuer.subject or not is_signed(
            certificate.signed, certificate.signature, algorithm=certificate.algorithm, by=issuer
        ):
            raise ChainRejected(
                f"certificate `{certificate.common_name}` was not issued by `{issuer.common_name}`: "
                "its signature does not verify"
            )
    return Path(certificates=tuple(path), root=root)
