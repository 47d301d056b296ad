"""Revocation lists: the bytes as they are, and their bodies under the issuer's own signature."""

from cryptography.hazmat.primitives.hashes import SHA384

from caisson.evidence import Certificate
from caisson.evidence.intel.revocation import RevocationList
from caisson.evidence.snp.certificate import PSS_SHA384, parse_certificate
from caisson.evidence.snp.endorsement import parse_chain
from caisson.evidence.snp.revocation import RevocationList as AmdRevocationList
from tests.fuzz.evidence import AMD, PLATFORM, SCENE, body_of, ders, each, real, real_collateral, signed, tlv

(ISSUER, _) = (Certificate.parse(der) for der in ders(PLATFORM.provisioning.pck_crl_chain.encode()))
AMD_ROOTS = [
    parse_certificate(AMD.root_certificate()),
    *(parse_chain(pem)[1] for pem in real("google-go-sev-guest/verify-trust/ask_ark_milan.pem")),
]
AMD_ALGORITHM = bytes.fromhex(
    "304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402"
    "020500a203020130"
)


def check(raw):
    each(
        lambda: _read(raw),
        lambda: _read(signed(raw)),
        *(lambda issuer=issuer: _amd(raw, issuer) for issuer in AMD_ROOTS),
        lambda: _amd(_signed_by_amd(raw), AMD_ROOTS[0]),
    )


def _read(der):
    found = RevocationList.verify(der, what="list", issuer=ISSUER)
    each(lambda: found.require_absent(ISSUER))


def _amd(raw, issuer):
    AmdRevocationList.verify(raw, issuer=issuer).require_absent(issuer)


def _signed_by_amd(body):
    signature = b"\0" + AMD.root.sign(body, PSS_SHA384, SHA384())
    return tlv(0x30, body + AMD_ALGORITHM + tlv(0x03, signature))


def extra_seeds():
    lists = [bytes.fromhex(SCENE.collateral[name]) for name in ("pck_crl", "root_ca_crl")]
    theirs = {bundle[name] for bundle in real_collateral() for name in ("pck_crl", "root_ca_crl")}
    known = [*lists, *sorted((bytes.fromhex(each) for each in theirs), key=len)[:10]]
    amd = [AMD.crl(), AMD.crl(1, 2)]
    return [*known, *amd, *map(body_of, (*known, *amd)), *real("*/*/*.crl", "*/*crl*.der")]
