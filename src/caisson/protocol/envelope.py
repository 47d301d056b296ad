"""Signed messages: DSSE envelopes (https://github.com/secure-systems-lab/dsse) with one signature.

What is signed is the payload's exact bytes together with its type, so that a challenge can never
be taken for a bundle, and nothing is parsed before its signature was checked.
"""

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from caisson.errors import Malformed, SignatureRejected
from caisson.protocol import canonical
from caisson.protocol.identity import ServerKeyHash, encode_identity


def sign(payload: bytes, *, payload_type: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    """Wrap `payload` in an envelope (a JSON object) that a key server signs with its identity key."""
    return wrap(payload, payload_type=payload_type, key_id=_server(key.public_key()), sign=key.sign)


def verify(signed: dict[str, Any], *, payload_type: str, key: Ed25519PublicKey) -> bytes:
    """Give back the payload that the key server with this key signed as `payload_type`; see `unwrap`."""
    return unwrap(
        signed,
        payload_type=payload_type,
        key_id=_server(key),
        verify=key.verify,
        who="the expected server",
    )


def wrap(payload: bytes, *, payload_type: str, key_id: str, sign: Callable[[bytes], bytes]) -> dict[str, Any]:
    """Wrap `payload` in a signed envelope (a JSON object), whatever signs."""
    return {
        "payload": canonical.base64_text(payload),
        "payloadType": payload_type,
        "signatures": [
            {"keyid": key_id, "sig": canonical.base64_text(sign(_pre_authentication_encoding(payload_type, payload)))}
        ],
    }


def unwrap(
    signed: dict[str, Any],
    *,
    payload_type: str,
    key_id: str,
    verify: Callable[[bytes, bytes], None],
    who: str,
) -> bytes:
    """Give back the payload that `who` signed as `payload_type`.

    `verify` takes signature and message, and raises `InvalidSignature`.

    Raises:
        Malformed: not an envelope of one signature.
        SignatureRejected: of another type, said to be of another key, or not signed by it.
    """
    payload, found_type, found_id, signature = _open(signed)
    if found_id != key_id:
        raise SignatureRejected(f"envelope names key {found_id[:80]!r}, not {who}'s")
    if found_type != payload_type:
        raise SignatureRejected(f"envelope holds {found_type[:80]!r}, not {payload_type!r}")
    try:
        verify(signature, _pre_authentication_encoding(payload_type, payload))
    except InvalidSignature as cause:
        raise SignatureRejected(f"envelope is not signed by {who}") from cause
    return payload


def _server(key: Ed25519PublicKey) -> str:
    return str(ServerKeyHash.of(encode_identity(key)))


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
