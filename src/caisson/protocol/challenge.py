"""Step 1: the server's nonce, signed by its identity key."""

from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caisson.abi import FixedBytes
from caisson.errors import SignatureRejected
from caisson.protocol import canonical, envelope
from caisson.protocol.identity import ServerKeyHash, decode_identity, encode_identity

PAYLOAD_TYPE = "application/vnd.caisson.challenge.v1+json"
VERSION = 1


class Nonce(FixedBytes):
    """32 random bytes of the server, good for one activation attempt within a short time."""

    __slots__ = ()
    SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a guest must answer, until when (`expires`, Unix seconds), and to whom.

    `server_key` is the identity key's SubjectPublicKeyInfo (DER) that signed the challenge.
    """

    nonce: Nonce
    expires: int
    server_key: bytes

    @classmethod
    def parse(cls, raw: bytes, *, pin: ServerKeyHash | None) -> Self:
        """Check the server's key against `pin` and its signature, then read what it signed.

        Without a pin any server will do: the caller must record whom it answered.

        Raises:
            Malformed: not a signed challenge.
            SignatureRejected: another server's key, or a wrong signature.
        """
        answer = canonical.Members(canonical.decode(raw, what="challenge answer"), what="challenge answer")
        server_key, signed = answer.octets("server_key"), answer.members("envelope")
        answer.finish()
        found = ServerKeyHash.of(server_key)
        if pin not in (None, found):
            raise SignatureRejected(f"server has key {found}, not the pinned {pin}")
        payload = envelope.verify(signed, payload_type=PAYLOAD_TYPE, key=decode_identity(server_key))
        members = canonical.Members(canonical.decode(payload, what="challenge"), what="challenge")
        members.version(VERSION)
        challenge = cls(nonce=Nonce(members.octets("nonce")), expires=members.integer("expires"), server_key=server_key)
        members.finish()
        return challenge


def sign_challenge(nonce: Nonce, *, expires: int, key: Ed25519PrivateKey) -> bytes:
    """Give the answer to `POST /v1/challenges`: the signed challenge and the key that signed it."""
    payload = canonical.encode(
        {"version": VERSION, "nonce": canonical.base64_text(nonce.value), "expires": expires},
    )
    return canonical.encode(
        {
            "envelope": envelope.sign(payload, payload_type=PAYLOAD_TYPE, key=key),
            "server_key": canonical.base64_text(encode_identity(key.public_key())),
        }
    )
