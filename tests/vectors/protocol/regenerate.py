"""Writes the vectors that the guest agent (Go) and the key server (Python) share: `python regenerate.py [DIRECTORY]`.

Keys and seeds are fixed, so everything but one thing comes out the same each time: HPKE draws fresh randomness for each
ciphertext, so the sealed bundle that lies here is kept as long as it opens to the expected plaintext.
"""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisson.errors import CaissonError
from caisson.protocol import (
    Bundle,
    BundleFile,
    Nonce,
    RuntimeData,
    ServerKeyHash,
    canonical,
    encode_identity,
    envelope,
    open_bundle,
    seal_bundle,
    sign_challenge,
)

HERE = Path(__file__).parent
SERVER_SEED = sha256(b"caisson vector: server").digest()
STRANGER_SEED = sha256(b"caisson vector: stranger").digest()
MLKEM_SEED = sha256(b"caisson vector: mlkem, first half").digest() + sha256(b"caisson vector: mlkem, second").digest()
X25519_KEY = sha256(b"caisson vector: x25519").digest()
TLS_SCALAR = int.from_bytes(sha256(b"caisson vector: tls").digest()[:31])
NONCE = Nonce(sha256(b"caisson vector: nonce").digest())
EXPIRES = 1_800_000_000
CHALLENGE = "application/vnd.caisson.challenge.v1+json"
SEALED_BUNDLE = "application/vnd.caisson.sealed-bundle.v1+json"

SERVER = Ed25519PrivateKey.from_private_bytes(SERVER_SEED)
STRANGER = Ed25519PrivateKey.from_private_bytes(STRANGER_SEED)
SERVER_SPKI = encode_identity(SERVER.public_key())
PIN = ServerKeyHash.of(SERVER_SPKI)


def guest_key() -> MLKEM768X25519PrivateKey:
    """Give the guest's HPKE key."""
    return MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(MLKEM_SEED), X25519PrivateKey.from_private_bytes(X25519_KEY)
    )


def guest_public_key() -> bytes:
    """Give the guest's HPKE public key, as the runtime data carry it."""
    mlkem = MLKEM768PrivateKey.from_seed_bytes(MLKEM_SEED).public_key().public_bytes_raw()
    return mlkem + X25519PrivateKey.from_private_bytes(X25519_KEY).public_key().public_bytes_raw()


def runtime_data() -> RuntimeData:
    """Give the guest's runtime data."""
    tls = ec.derive_private_key(TLS_SCALAR, ec.SECP256R1()).public_key()
    return RuntimeData.build(
        nonce=NONCE,
        workload="redis",
        hpke_public_key=guest_public_key(),
        tls_public_key=tls.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        server_key_hash=PIN,
    )


def bundle() -> Bundle:
    """Give a bundle that uses every member."""
    return Bundle(
        workload="redis",
        expires=EXPIRES,
        fs_keys={"default": bytes(range(16)), "logs": bytes(range(16, 32))},
        files=(
            BundleFile(path="/run/caisson/users.acl", mode=0o400, content=b"user default on >\xc3\xa9\xff\x00\n"),
            BundleFile(path="/run/caisson/deep/er/empty", mode=0o644, content=b""),
        ),
        env={"REDIS_PASSWORD": 'p"\\\n\u00e9\u20ac\U0001f511', "A_": ""},
        argv=("--requirepass", "\u007f"),
        certificate_chain=(b"leaf", b"authority"),
    )


def challenge_vectors() -> dict[str, Any]:
    """Give the challenge, and each way in which one may be wrong."""
    good = sign_challenge(NONCE, expires=EXPIRES, key=SERVER)
    return {
        "answer": good.decode(),
        "expires": EXPIRES,
        "nonce": NONCE.value.hex(),
        "pin": str(PIN),
        "refused": [
            {"name": name, "answer": base64_of(changed), "pin": str(PIN), "error": error}
            for name, changed, error in wrong_challenges(good)
        ],
        "server_key": SERVER_SPKI.hex(),
    }


def wrong_challenges(good: bytes) -> Iterator[tuple[str, bytes, str]]:
    """Take the good challenge, change one thing, and say which error is due."""
    for name, raw in wrong_spellings(good):
        yield name, raw, "Malformed"
    for name, raw in wrong_envelopes(good):
        yield name, raw, "Malformed"
    for name, raw in wrong_payloads():
        yield name, raw, "Malformed"
    for name, raw in forgeries(good):
        yield name, raw, "SignatureRejected"


def changed(good: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Change a message and write it canonically again."""
    answer = json.loads(good)
    change(answer)
    return canonical.encode(answer)


def signed(payload: dict[str, Any] | bytes, kind: str = CHALLENGE, key: Ed25519PrivateKey = SERVER) -> bytes:
    """Sign any payload as a challenge, in the name of the server."""
    raw = payload if isinstance(payload, bytes) else canonical.encode(payload)
    spki = canonical.base64_text(SERVER_SPKI)
    return canonical.encode({"envelope": envelope.sign(raw, payload_type=kind, key=key), "server_key": spki})


def wrong_spellings(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Write the challenge in forms that are not canonical."""
    backwards = dict(reversed(json.loads(good).items()))
    yield "unknown-member", changed(good, lambda a: a.update(hint=""))
    yield "server-key-is-null", good[: good.index(b'"server_key":')] + b'"server_key":null}'
    yield "blank-after-a-colon", good.replace(b'"server_key":', b'"server_key": ')
    yield "members-out-of-order", json.dumps(backwards, separators=(",", ":")).encode()
    yield "member-twice", b'{"envelope":{},' + good[1:]
    yield "byte-after-the-end", good + b"\n"
    yield "cut-short", good[:-1]
    yield "empty", b""
    yield "an-array", b"[" + good + b"]"
    yield "invalid-utf-8", good.replace(b"server_key", b"server_ke\xff")
    yield "base64-with-a-line-end", good.replace(b'"server_key":"', b'"server_key":"\\n')
    yield "base64-of-odd-length", changed(good, lambda a: a.update(server_key=a["server_key"][:-1]))


def wrong_envelopes(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the challenge an envelope that is none."""
    of, first = "envelope", "signatures"
    yield "two-signatures", changed(good, lambda a: a[of][first].append(a[of][first][0]))
    yield "no-signature", changed(good, lambda a: a[of][first].clear())
    yield "signature-is-text", changed(good, lambda a: a[of].update(signatures=["x"]))
    yield "unknown-member-of-envelope", changed(good, lambda a: a[of].update(hint=""))
    yield "unknown-member-of-signature", changed(good, lambda a: a[of][first][0].update(cert=""))
    yield "envelope-is-text", changed(good, lambda a: a.update(envelope="x"))


def wrong_payloads() -> Iterator[tuple[str, bytes]]:
    """Sign properly what is no challenge."""
    nonce = canonical.base64_text(NONCE.value)
    payload: dict[str, Any] = {"expires": EXPIRES, "nonce": nonce, "version": 1}
    yield "payload-of-version-2", signed(payload | {"version": 2})
    yield "payload-version-is-true", signed(payload | {"version": True})
    yield "payload-has-unknown-member", signed(payload | {"hint": ""})
    yield "payload-lacks-nonce", signed({"expires": EXPIRES, "version": 1})
    yield "payload-not-canonical", signed(json.dumps(payload, sort_keys=True).encode())
    yield "payload-expires-as-text", signed(payload | {"expires": str(EXPIRES)})
    yield "payload-expires-as-float", signed(b'{"expires":1.5,"nonce":"%b","version":1}' % nonce.encode())
    yield "payload-expires-huge", signed(b'{"expires":1%b,"nonce":"%b","version":1}' % (b"0" * 30, nonce.encode()))
    yield "nonce-of-31-bytes", signed(payload | {"nonce": canonical.base64_text(NONCE.value[:31])})
    yield "nonce-of-33-bytes", signed(payload | {"nonce": canonical.base64_text(NONCE.value + b"\0")})
    yield "nonce-in-url-base64", signed(payload | {"nonce": base64.urlsafe_b64encode(b"\xff" * 32).decode()})


def forgeries(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Make challenges that the pinned server did not sign as such."""
    of, first = "envelope", "signatures"
    payload: dict[str, Any] = {"expires": EXPIRES, "nonce": canonical.base64_text(NONCE.value), "version": 1}
    flipped = bytearray(base64.b64decode(json.loads(good)[of][first][0]["sig"]))
    flipped[0] ^= 1
    yield "another-server", sign_challenge(NONCE, expires=EXPIRES, key=STRANGER)
    yield "server-key-is-no-der", changed(good, lambda a: a.update(server_key="AAAA"))
    yield "signed-by-another-key", signed(payload, key=STRANGER)
    yield (
        "another-key-under-its-name",
        changed(
            good,
            lambda a: a[of][first][0].update(
                json.loads(signed(payload, key=STRANGER))[of][first][0] | {"keyid": str(PIN)}
            ),
        ),
    )
    yield (
        "signature-bit-flipped",
        changed(good, lambda a: a[of][first][0].update(sig=canonical.base64_text(bytes(flipped)))),
    )
    yield (
        "signature-cut",
        changed(good, lambda a: a[of][first][0].update(sig=canonical.base64_text(bytes(flipped)[:63]))),
    )
    yield "key-id-of-another", changed(good, lambda a: a[of][first][0].update(keyid="00" * 32))
    yield (
        "payload-changed",
        changed(
            good,
            lambda a: a[of].update(payload=canonical.base64_text(canonical.encode(payload | {"expires": EXPIRES + 1}))),
        ),
    )
    yield "signed-as-a-bundle", signed(payload, SEALED_BUNDLE)
    yield "called-a-bundle", changed(good, lambda a: a[of].update(payloadType=SEALED_BUNDLE))


def evidence_vectors() -> dict[str, Any]:
    """Give the runtime data and the request that carries them."""
    data = runtime_data()
    quote = bytes(range(256)) * 18
    return {
        "activation_request": canonical.encode(
            {
                "quote": canonical.base64_text(quote),
                "runtime_data": canonical.base64_text(data.raw),
                "version": 1,
            }
        ).decode(),
        "hpke_mlkem_seed": MLKEM_SEED.hex(),
        "hpke_x25519_key": X25519_KEY.hex(),
        "nonce": NONCE.value.hex(),
        "quote": quote.hex(),
        "report_data": data.report_data.value.hex(),
        "runtime_data": data.raw.decode(),
        "server_key": SERVER_SPKI.hex(),
        "tls_scalar": f"{TLS_SCALAR:064x}",
        "workload": "redis",
    }


def bundle_vectors(kept: str | None) -> dict[str, Any]:
    """Give the bundle, sealed and open, and each way in which an opened one may be wrong."""
    return {
        "plaintext": bundle().encode().decode(),
        "refused": [{"name": name, "plaintext": base64_of(canonical.encode(value))} for name, value in wrong_bundles()],
        "sealed": sealed_bundle(kept),
    }


def sealed_bundle(kept: str | None) -> str:
    """Keep the sealed bundle while it is right; make another one when it is not."""
    data = runtime_data()
    if kept is not None:
        try:
            found = open_bundle(
                kept.encode(), private_key=guest_key(), report_data=data.report_data, server_key=SERVER_SPKI
            )
        except CaissonError:
            found = None
        if found == bundle():
            return kept
    return seal_bundle(
        bundle(), hpke_public_key=data.hpke_public_key, report_data=data.report_data, key=SERVER
    ).decode()


def wrong_bundles() -> Iterator[tuple[str, dict[str, Any]]]:
    """Take the good bundle and change one thing."""
    good: dict[str, Any] = json.loads(bundle().encode())
    file: dict[str, Any] = good["files"][0]
    yield "version-2", good | {"version": 2}
    yield "unknown-member", good | {"note": ""}
    yield "workload-missing", {name: value for name, value in good.items() if name != "workload"}
    yield "expires-as-text", good | {"expires": "0"}
    yield "variable-of-the-loader", good | {"env": {"LD_PRELOAD": "/run/caisson/x.so"}}
    yield "variable-of-caisson", good | {"env": {"CAISSON_KEY_SERVER_PIN": ""}}
    yield "variable-with-equals", good | {"env": {"A=B": ""}}
    yield "variable-without-name", good | {"env": {"": ""}}
    yield "variable-with-nul", good | {"env": {"A": "a\0b"}}
    yield "variable-with-line-end", good | {"env": {"A\n": ""}}
    yield "variable-as-number", good | {"env": {"A": 1}}
    yield "argument-with-nul", good | {"argv": ["a\0b"]}
    yield "argument-as-number", good | {"argv": [1]}
    yield "file-key-of-15-bytes", good | {"fs_keys": {"default": canonical.base64_text(bytes(15))}}
    yield "file-key-outside", good | {"fs_keys": {"../quote": canonical.base64_text(bytes(16))}}
    yield "file-key-of-the-cpu", good | {"fs_keys": {"_sgx_mrenclave": canonical.base64_text(bytes(16))}}
    yield "certificate-as-number", good | {"certificate_chain": [1]}
    yield "certificate-not-base64", good | {"certificate_chain": ["*"]}
    for name, path in (
        ("relative-path", "run/caisson/x"),
        ("path-with-dots", "/run/caisson/../x"),
        ("path-with-dot", "/run/caisson/./x"),
        ("path-with-empty-segment", "/run/caisson//x"),
        ("path-with-two-slashes", "//run/caisson/x"),
        ("path-with-slash-at-end", "/run/caisson/x/"),
        ("path-with-nul", "/run/caisson/x\0"),
        ("path-empty", ""),
    ):
        yield name, good | {"files": [file | {"path": path}]}
    yield "mode-with-setuid", good | {"files": [file | {"mode": 0o4755}]}
    yield "mode-negative", good | {"files": [file | {"mode": -1}]}
    yield "mode-huge", good | {"files": [file | {"mode": 2**32 + 0o400}]}
    yield "file-with-owner", good | {"files": [file | {"owner": 0}]}
    yield "file-as-text", good | {"files": ["/run/caisson/x"]}


def base64_of(raw: bytes) -> str:
    """Write bytes that need not be text into a JSON file."""
    return canonical.base64_text(raw)


def write(directory: Path) -> None:
    """Write all files into `directory`, keeping its sealed bundle if that is still right."""
    sealed = directory / "bundle.json"
    kept = json.loads(sealed.read_text())["sealed"] if sealed.exists() else None
    for name, value in (
        ("challenge.json", challenge_vectors()),
        ("evidence.json", evidence_vectors()),
        ("bundle.json", bundle_vectors(kept)),
    ):
        (directory / name).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
