"""Identities of quoting enclaves, as if Intel had signed them."""

from caisson.evidence.intel.qe_identity import QeIdentity
from tests.fuzz.evidence import DOMAIN, PLATFORM, SCENE, each, real_collateral

ENCLAVE = PLATFORM.quoting_enclave.identity


def check(raw):
    each(*(lambda of=of: QeIdentity.parse(raw, of=of).verdict(ENCLAVE) for of in ("QE", "TD_QE")))


def extra_seeds():
    ours = [scene.collateral["qe_identity"] for scene in (SCENE, DOMAIN)]
    return [text.encode() for text in (*ours, *sorted({bundle["qe_identity"] for bundle in real_collateral()})[:20])]
