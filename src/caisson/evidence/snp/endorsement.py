"""The path from AMD's root to an endorsement key: steps 2 and 3 of the argument.

Nothing here looks at a clock or at a report, so the result is remembered by the bytes it came from.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography.x509.oid import ExtensionOID

from caisson.errors import ChainRejected, Malformed, UntrustedRoot
from caisson.evidence.certificate import Certificate
from caisson.evidence.roots import RootKey
from caisson.evidence.snp.certificate import parse_certificate, require_issued_by
from caisson.evidence.snp.revocation import RevocationList
from caisson.evidence.snp.vek import Vek
from caisson.evidence.validity import Validities
from caisson.snp import SigningKey

_REMEMBERED = 256
_MOST_CHAIN_BYTES = 32 * 1024
_AUTHORITIES = 2
# A sequence whose length takes two bytes, as that of every certificate here does.
_DER, _DER_HEADER = b"\x30\x82", 4
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_INFIX = {SigningKey.VCEK: "", SigningKey.VLEK: "VLEK-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Role:
    """What an authority's certificate must say, in DER: basic constraints, and one of the spellings of key usage."""

    constraints: bytes
    usages: frozenset[bytes]


# The root issues certificates and revocation lists; the authority below it issues endorsement keys' certificates only,
# which AMD writes with one unused bit where DER has two.
_ROOT = _Role(constraints=bytes.fromhex("30030101ff"), usages=frozenset({bytes.fromhex("03020106")}))
_AUTHORITY = _Role(
    constraints=bytes.fromhex("30060101ff020100"),
    usages=frozenset({bytes.fromhex("03020104"), bytes.fromhex("03020204")}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsement:
    """An endorsement key for which a root vouches, whenever the clock is inside `validities`.

    `revocation_list_issued` is when the list was issued that was looked at, if one was.
    """

    vek: Vek
    root: RootKey
    root_name: str
    revocation_list_issued: datetime | None
    validities: Validities

    @property
    def revocation_checked(self) -> bool:
        """Whether a revocation list was looked at."""
        return self.revocation_list_issued is not None


@lru_cache(maxsize=_REMEMBERED)
def endorse(vek: bytes, chain: bytes, crl: bytes | None, roots: frozenset[RootKey]) -> Endorsement:
    """Follow the argument from a root to the endorsement key.

    Raises:
        Malformed: a part cannot be read.
        EvidenceRejected: a step does not hold.
    """
    # 2. The certificates: what each is for, who signed it, and whether the root is one of ours.
    leaf = parse_certificate(_one(vek))
    key = Vek.of(leaf)
    authority, root = parse_chain(chain)
    product = key.product.value
    _require_role(root, f"ARK-{product}", _ROOT)
    _require_role(authority, f"SEV-{_INFIX[key.kind]}{product}", _AUTHORITY)
    if root.root_key not in roots:
        raise UntrustedRoot(
            f"chain ends in the root `{root.common_name}` with key {root.root_key}, which is not accepted",
            hint="name this root in the policy only if you trust who holds its key",
        )
    require_issued_by(root, root)
    require_issued_by(authority, root)
    require_issued_by(leaf, authority)
    windows = [certificate.validity for certificate in (leaf, authority, root)]
    # 3. What the root takes back.
    issued = None
    if crl is not None:
        revoked = RevocationList.verify(crl, issuer=root)
        revoked.require_absent(root)
        revoked.require_absent(authority)
        windows.append(revoked.validity)
        issued = revoked.validity.begins
    return Endorsement(
        vek=key,
        root=root.root_key,
        root_name=root.common_name,
        revocation_list_issued=issued,
        validities=Validities.of(windows),
    )


def parse_chain(chain: bytes) -> tuple[Certificate, Certificate]:
    """Read an authority and its root in PEM or DER, one after the other in either order and with nothing around them.

    Raises:
        Malformed: not exactly two certificates.
        ChainRejected: a certificate of another form, or not one root among them.
    """
    ders = _decoded(chain)
    if len(ders) != _AUTHORITIES:
        raise Malformed(f"chain has {len(ders)} certificates, not two: ASK or ASVK, and ARK")
    first, second = map(parse_certificate, ders)
    roots = [certificate for certificate in (first, second) if certificate.issuer == certificate.subject]
    if len(roots) != 1:
        raise ChainRejected(f"chain has {len(roots)} roots, not one: `{first.common_name}`, `{second.common_name}`")
    return (second, first) if roots[0] is first else (first, second)


def _one(vek: bytes) -> bytes:
    ders = _decoded(vek)
    if len(ders) != 1:
        raise Malformed(f"{len(ders)} certificates are where only that of the endorsement key belongs")
    return ders[0]


def _decoded(certificates: bytes) -> list[bytes]:
    """Cut DER and PEM apart; whether each is a certificate, its reader finds out."""
    if len(certificates) > _MOST_CHAIN_BYTES:
        raise Malformed(f"certificates have {len(certificates)} bytes, more than {_MOST_CHAIN_BYTES}")
    ders, rest = [], certificates
    while rest:
        if rest.startswith(_DER):
            size = _DER_HEADER + int.from_bytes(rest[len(_DER) : _DER_HEADER], "big")
            der, rest = rest[:size], rest[size:]
        else:
            block, end, rest = rest.partition(_END)
            der, rest = _unarmoured(block, end), rest.lstrip()
        ders.append(der)
    return ders


def _unarmoured(block: bytes, end: bytes) -> bytes:
    head, begin, body = block.partition(_BEGIN)
    if head.strip() or not begin or not end:
        raise Malformed("certificates come with text that is not a certificate")
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as cause:
        raise Malformed("certificate in PEM is not base64") from cause


def _require_role(certificate: Certificate, name: str, role: _Role) -> None:
    if certificate.common_name != name:
        raise ChainRejected(f"chain has `{certificate.common_name}` where the endorsement key demands `{name}`")
    constraints = certificate.extensions.get(ExtensionOID.BASIC_CONSTRAINTS.dotted_string)
    usage = certificate.extensions.get(ExtensionOID.KEY_USAGE.dotted_string)
    if constraints != role.constraints or usage not in role.usages:
        raise ChainRejected(f"certificate `{name}` does not have the constraints and the key usage of its role")
