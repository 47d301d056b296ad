"""Revocation lists: the bytes as they are, and their bodies under the issuer's own signature."""

from caisson.evidence import Certificate
from caisson.evidence.revocation import RevocationList
from caisson.evidence.snp.endorsement import parse_chain
from caisson.evidence.snp.revocation import RevocationList as AmdRevocationList
from tests.fuzz.evidence import PLATFORM, SCENE, body_of, ders, each, real, real_collateral, signed

(ISSUER, _) = (Certificate.parse(der) for der in ders(PLATFORM.provisioning.pck_crl_chain.encode()))
AMD_ROOTS = [parse_chain(pem)[1] for pem in real("google-go-sev-guest/verify-trust/ask_ark_milan.pem")]


def check(raw):
    each(
        lambda: _read(raw),
        lambda: _read(signed(raw)),
        *(lambda issuer=issuer: _amd(raw, issuer) for issuer in AMD_ROOTS),
    )


def _read(der):
    found = RevocationList.verify(der, what="list", issuer=ISSUER)
    each(lambda: found.require_absent(ISSUER))


def _amd(raw, issuer):
    AmdRevocationList.verify(raw, issuer=issuer).require_absent(issuer)


def extra_seeds():
    lists = [bytes.fromhex(SCENE.collateral[name]) for name in ("pck_crl", "root_ca_crl")]
    theirs = {bundle[name] for bundle in real_collateral() for name in ("pck_crl", "root_ca_crl")}
    known = [*lists, *sorted((bytes.fromhex(each) for each in theirs), key=len)[:10]]
    return [*known, *map(body_of, known), *real("*/*/*.crl", "*/*crl*.der")]
