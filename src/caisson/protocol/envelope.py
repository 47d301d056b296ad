"""Signed messages: DSSE envelopes (https://github.com/secure-systems-lab/dsse) with one Ed25519 signature.

What is signed is the payload's exact bytes together with its type, so that a challenge can never
be taken for a bundle, and nothing is parsed before its signature was checked.
"""

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from caisson.errors import Malformed, SignatureRejected
from caisson.protocol import canonical
from caisson.protocol.identity import ServerKeyHash, encode_identity


def sign(payload: bytes, *, payload_type: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    """Wrap `payload` in a signed envelope (a JSON object)."""
    signature = key.sign(_pre_authentication_encoding(payload_type, payload))
    key_id = str(ServerKeyHash.of(encode_identity(key.public_key())))
    return {
        "payload": canonical.base64_text(payload),
        "payloadType": payload_type,
        "signatures": [{"keyid": key_id, "sig": canonical.base64_text(signature)}],
    }


def verify(signed: dict[str, Any], *, payload_type: str, key: Ed25519PublicKey) -> bytes:
    """Give back the payload that `key` signed as `payload_type`.

    Raises:
        Malformed: not an envelope of one signature.
        SignatureRejected: of another type, said to be of another key, or not signed by `key`.
    """
    payload, found_type, key_id, signature = _open(signed)
    if key_id != str(ServerKeyHash.of(encode_identity(key))):
        raise SignatureRejected(f"envelope names key {key_id[:80]!r}, not the expected server's")
    if found_type != payload_type:
        raise SignatureRejected(f"envelope holds {found_type[:80]!r}, not {payload_type!r}")
    try:
        key.verify(signature, _pre_authentication_encoding(payload_type, payload))
    except InvalidSignature as cause:
        raise SignatureRejected("envelope is not signed by the expected server") from cause
    return payload


def _open(signed: dict[str, Any]) -> tuple[bytes, str, str, bytes]:
    members = canonical.Members(signed, what="envelope")
    payload, payload_type = members.octets("payload"), members.text("payloadType")
    signatures = members.items("signatures")
    members.finish()
    if len(signatures) != 1 or not isinstance(signatures[0], dict):
        raise Malformed("envelope does not have exactly one signature")
    signature = canonical.Members(signatures[0], what="envelope signature")
    key_id, value = signature.text("keyid"), signature.octets("sig")
    signature.finish()
    return payload, payload_type, key_id, value


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
