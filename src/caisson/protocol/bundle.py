"""Step 3 and 4: what an activated guest receives, sealed to the key in its evidence and signed by the server."""

import posixpath
import re
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from caisson.errors import Malformed, SignatureRejected
from caisson.protocol import canonical, envelope
from caisson.protocol.activation import HPKE_KEY_SIZE
from caisson.protocol.identity import decode_identity
from caisson.sgx import ReportData

PAYLOAD_TYPE = "application/vnd.caisson.sealed-bundle.v1+json"
VERSION = 1
FS_KEY_SIZE = 16

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"caisson sealed bundle v1\x00"
_MLKEM_SIZE = HPKE_KEY_SIZE - 32
_VARIABLE = re.compile(r"(?!LD_|CAISSON_)[A-Za-z_][A-Za-z0-9_]*")
_FS_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_PERMISSIONS = 0o777


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFile:
    """A file for the guest: an absolute path below one of its tmpfs mounts, permission bits, content."""

    path: str
    mode: int
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bundle:
    """The secrets of one activation; its `repr` shows none of them.

    `fs_keys` are 16-byte keys by name, `argv` is appended to the measured arguments, `certificate_chain`
    is DER, leaf first, for the TLS key in the evidence; `expires` is that leaf's end in Unix seconds.
    """

    workload: str
    expires: int
    fs_keys: dict[str, bytes]
    files: tuple[BundleFile, ...]
    env: dict[str, str]
    argv: tuple[str, ...]
    certificate_chain: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Give the canonical JSON that is sealed."""
        return canonical.encode(
            {
                "version": VERSION,
                "workload": self.workload,
                "expires": self.expires,
                "fs_keys": {name: canonical.base64_text(key) for name, key in self.fs_keys.items()},
                "files": [
                    {"path": file.path, "mode": file.mode, "content": canonical.base64_text(file.content)}
                    for file in self.files
                ],
                "env": self.env,
                "argv": list(self.argv),
                "certificate_chain": [canonical.base64_text(der) for der in self.certificate_chain],
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a bundle that was opened, as strictly as a guest does.

        Raises:
            Malformed: not canonical JSON of exactly these members, or something in it that a guest refuses
                wherever it runs: a variable, a path, a mode or a key that may not be.
        """
        members = canonical.Members(canonical.decode(raw, what="bundle"), what="bundle")
        members.version(VERSION)
        keys = canonical.Members(fs_keys := members.members("fs_keys"), what="bundle fs_keys")
        env = canonical.Members(names := members.members("env"), what="bundle env")
        bundle = cls(
            workload=members.text("workload"),
            expires=members.integer("expires"),
            fs_keys={name: _fs_key(name, keys.octets(name)) for name in fs_keys},
            files=tuple(_parse_file(item) for item in members.items("files")),
            env={_variable(name): _text(env.text(name)) for name in names},
            argv=tuple(_text(item) for item in members.items("argv")),
            certificate_chain=tuple(
                canonical.unbase64(_text(item), what="bundle certificate")
                for item in members.items("certificate_chain")
            ),
        )
        members.finish()
        return bundle


def seal_bundle(bundle: Bundle, *, hpke_public_key: bytes, report_data: ReportData, key: Ed25519PrivateKey) -> bytes:
    """Seal a bundle to one guest and sign it: the answer to `POST /v1/activations`.

    HPKE (RFC 9180) base mode, ML-KEM-768 + X25519, HKDF-SHA256, AES-256-GCM. `report_data` enters
    HPKE's `info`, so that the ciphertext opens only for the evidence it answers.

    Raises:
        Malformed: the guest's key is not one, or not one that anything can be sealed to.
    """
    recipient = _hpke_public_key(hpke_public_key)
    try:
        ciphertext = _SUITE.encrypt(bundle.encode(), recipient, info=_INFO + report_data.value)
    except ValueError as cause:  # X25519 points of low order, which agree on nothing
        raise Malformed("HPKE key is one that nothing can be sealed to") from cause
    payload = canonical.encode({"version": VERSION, "ciphertext": canonical.base64_text(ciphertext)})
    return canonical.encode(envelope.sign(payload, payload_type=PAYLOAD_TYPE, key=key))


def open_bundle(
    raw: bytes, *, private_key: MLKEM768X25519PrivateKey, report_data: ReportData, server_key: bytes
) -> Bundle:
    """Check the server's signature, open the seal, read the bundle.

    Raises:
        Malformed: not a sealed bundle.
        SignatureRejected: not signed by `server_key`, or not sealed for this guest and evidence.
    """
    signed = canonical.decode(raw, what="sealed bundle")
    payload = envelope.verify(signed, payload_type=PAYLOAD_TYPE, key=decode_identity(server_key))
    members = canonical.Members(canonical.decode(payload, what="sealed bundle"), what="sealed bundle")
    members.version(VERSION)
    ciphertext = members.octets("ciphertext")
    members.finish()
    try:
        plaintext = _SUITE.decrypt(ciphertext, private_key, info=_INFO + report_data.value)
    except (InvalidTag, ValueError) as cause:
        raise SignatureRejected("bundle is not sealed for this guest and this evidence") from cause
    return Bundle.parse(plaintext)


def _hpke_public_key(raw: bytes) -> MLKEM768X25519PublicKey:
    if len(raw) != HPKE_KEY_SIZE:
        raise Malformed(f"HPKE key has {len(raw)} bytes, not {HPKE_KEY_SIZE}")
    try:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_SIZE]),
            X25519PublicKey.from_public_bytes(raw[_MLKEM_SIZE:]),
        )
    except ValueError as cause:
        raise Malformed("HPKE key is not an ML-KEM-768 and an X25519 key") from cause


def _parse_file(item: object) -> BundleFile:
    if not isinstance(item, dict):
        raise Malformed("bundle has a file that is not an object")
    members = canonical.Members(item, what="bundle file")
    file = BundleFile(path=_text(members.text("path")), mode=members.integer("mode"), content=members.octets("content"))
    members.finish()
    # POSIX keeps two slashes at the front apart from one; nobody else does.
    if not file.path.startswith("/") or file.path.startswith("//") or posixpath.normpath(file.path) != file.path:
        raise Malformed(f"bundle has a file whose path is not absolute and clean: {file.path[:80]!r}")
    if not 0 <= file.mode <= _PERMISSIONS:
        raise Malformed(f"bundle has a file with mode {file.mode:#o}, which is more than permissions")
    return file


def _fs_key(name: str, key: bytes) -> bytes:
    if not _FS_KEY_NAME.fullmatch(name):
        raise Malformed(f"bundle has a file-system key of an impossible name: {name[:80]!r}")
    if len(key) != FS_KEY_SIZE:
        raise Malformed(f"bundle has a file-system key of {len(key)} bytes, not {FS_KEY_SIZE}")
    return key


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise Malformed(f"bundle sets variable {name[:80]!r}, which no bundle may")
    return name


def _text(item: object) -> str:
    if not isinstance(item, str) or "\0" in item:
        raise Malformed("bundle has an item that is not text without NULs")
    return item
