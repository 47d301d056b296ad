"""Activation evidence and runtime data: one spelling, or nothing."""

from caisson.protocol import ActivationEvidence, Nonce, RuntimeData, ServerKeyHash
from tests.fuzz.evidence import SCENE, each


def check(raw):
    each(lambda: _evidence(raw), lambda: _runtime_data(raw))


def _evidence(raw):
    evidence = ActivationEvidence.parse(raw)
    assert ActivationEvidence.parse(evidence.encode()) == evidence


def _runtime_data(raw):
    assert RuntimeData.parse(raw).raw == raw


def extra_seeds():
    data = RuntimeData.build(
        nonce=Nonce(b"N" * 32),
        workload="redis",
        hpke_public_key=bytes(1216),
        tls_public_key=bytes(91),
        server_key_hash=ServerKeyHash(b"S" * 32),
    ).raw
    return [data, ActivationEvidence(quote=SCENE.quote, runtime_data=data).encode()]
