"""Messages between guest and key server: versioned, canonical, signed and sealed by themselves, not by a connection."""

from caisson.protocol.activation import WORKLOAD_NAME, ActivationEvidence, RuntimeData, report_data_of
from caisson.protocol.bundle import FS_KEY_SIZE, Bundle, BundleFile, open_bundle, seal_bundle
from caisson.protocol.challenge import Challenge, Nonce, sign_challenge
from caisson.protocol.identity import ServerKeyHash, decode_identity, encode_identity

__all__ = [
    "FS_KEY_SIZE",
    "WORKLOAD_NAME",
    "ActivationEvidence",
    "Bundle",
    "BundleFile",
    "Challenge",
    "Nonce",
    "RuntimeData",
    "ServerKeyHash",
    "decode_identity",
    "encode_identity",
    "open_bundle",
    "report_data_of",
    "seal_bundle",
    "sign_challenge",
]
