"""What runs on an engine, beside what a key server has recorded of it."""

from caisson.lifecycle.activation import Activation, CertificateState, KeyServerLog
from caisson.lifecycle.attestation import Attestation, Binding, attestations
from caisson.lifecycle.confidential import Confidential, SignedEnclave
from caisson.lifecycle.happening import Happening, in_order

__all__ = [
    "Activation",
    "Attestation",
    "Binding",
    "CertificateState",
    "Confidential",
    "Happening",
    "KeyServerLog",
    "SignedEnclave",
    "attestations",
    "in_order",
]
