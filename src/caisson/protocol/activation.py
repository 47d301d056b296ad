"""Step 2 and 3: what the guest says about itself, and how it asks for its secrets."""

import re
from dataclasses import dataclass
from hashlib import sha512
from typing import Self

from caisson.errors import Malformed
from caisson.protocol import canonical
from caisson.protocol.challenge import Nonce
from caisson.protocol.identity import ServerKeyHash
from caisson.sgx import ReportData

VERSION = 1
HPKE_KEY_SIZE = 1184 + 32
WORKLOAD_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeData:
    """Everything that the guest's evidence is bound to: `report_data = SHA-512(runtime data)`.

    `hpke_public_key` is an ML-KEM-768 encapsulation key followed by an X25519 public key, 1,216 bytes;
    `tls_public_key` a P-256 SubjectPublicKeyInfo (DER). `raw` is the canonical JSON that was hashed.
    """

    raw: bytes
    nonce: Nonce
    workload: str
    hpke_public_key: bytes
    tls_public_key: bytes
    server_key_hash: ServerKeyHash

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read runtime data.

        Raises:
            Malformed: not canonical JSON of exactly these members.
        """
        members = canonical.Members(canonical.decode(raw, what="runtime data"), what="runtime data")
        members.version(VERSION)
        server_key = members.text("server_key_sha256")
        data = cls(
            raw=raw,
            nonce=Nonce(members.octets("nonce")),
            workload=members.text("workload"),
            hpke_public_key=members.octets("hpke_public_key"),
            tls_public_key=members.octets("tls_public_key"),
            server_key_hash=ServerKeyHash.from_hex(server_key),
        )
        members.finish()
        if str(data.server_key_hash) != server_key:
            raise Malformed("runtime data: server_key_sha256 is not lower-case hex")
        if len(data.hpke_public_key) != HPKE_KEY_SIZE:
            raise Malformed(f"runtime data has an HPKE key of {len(data.hpke_public_key)} bytes, not {HPKE_KEY_SIZE}")
        if not WORKLOAD_NAME.fullmatch(data.workload):
            raise Malformed(f"runtime data names a workload that cannot exist: {data.workload[:80]!r}")
        return data

    @classmethod
    def build(
        cls,
        *,
        nonce: Nonce,
        workload: str,
        hpke_public_key: bytes,
        tls_public_key: bytes,
        server_key_hash: ServerKeyHash,
    ) -> Self:
        """Write runtime data and read it back."""
        return cls.parse(
            canonical.encode(
                {
                    "version": VERSION,
                    "nonce": canonical.base64_text(nonce.value),
                    "workload": workload,
                    "hpke_public_key": canonical.base64_text(hpke_public_key),
                    "tls_public_key": canonical.base64_text(tls_public_key),
                    "server_key_sha256": str(server_key_hash),
                }
            )
        )

    @property
    def report_data(self) -> ReportData:
        """What the quote must carry."""
        return report_data_of(self.raw)


def report_data_of(runtime_data: bytes) -> ReportData:
    """Give what a quote about these runtime data must carry: their SHA-512."""
    return ReportData(sha512(runtime_data).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationEvidence:
    """A quote, and the runtime data it vouches for. Not verified by having this type."""

    quote: bytes
    runtime_data: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the body of `POST /v1/activations`.

        Raises:
            Malformed: not canonical JSON of exactly these members.
        """
        members = canonical.Members(canonical.decode(raw, what="activation evidence"), what="activation evidence")
        members.version(VERSION)
        evidence = cls(quote=members.octets("quote"), runtime_data=members.octets("runtime_data"))
        members.finish()
        return evidence

    def encode(self) -> bytes:
        """Give the body of `POST /v1/activations`."""
        return canonical.encode(
            {
                "version": VERSION,
                "quote": canonical.base64_text(self.quote),
                "runtime_data": canonical.base64_text(self.runtime_data),
            }
        )
