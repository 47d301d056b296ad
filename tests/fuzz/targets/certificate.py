"""X.509 certificates in DER: Intel's readers, AMD's, and what certificates carry; raw, and with a new signature."""

from caisson.evidence import Certificate, Evidence, evidence_of
from caisson.evidence.binding.ra_tls import RaTlsEvidence
from caisson.evidence.binding.tls import quote_of
from caisson.evidence.intel.path import public_key
from caisson.evidence.intel.pck import Pck
from caisson.evidence.snp.certificate import parse_certificate, rsa_key
from caisson.evidence.snp.vek import Vek
from tests.fuzz.evidence import certificates, each, real


def check(raw):
    each(lambda: Evidence.recognise(raw), lambda: _intel(raw), lambda: _amd(raw))


def _intel(raw):
    certificate = Certificate.parse(raw)
    assert certificate.signed in raw
    assert certificate.spki in certificate.signed
    each(
        lambda: certificate.may_sign,
        lambda: certificate.may_issue,
        lambda: certificate.path_length,
        lambda: public_key(certificate),
        lambda: Pck.of(certificate),
        lambda: evidence_of(certificate),
        lambda: RaTlsEvidence.of(certificate),
        lambda: quote_of(certificate),
    )


def _amd(raw):
    certificate = parse_certificate(raw)
    each(lambda: rsa_key(certificate), lambda: Vek.of(certificate))


def extra_seeds():
    found = {*certificates(), *real("*/*/*.der", "*/*/*.crt")}
    return sorted(each for each in found if len(each) <= 1 << 14)[:60]
