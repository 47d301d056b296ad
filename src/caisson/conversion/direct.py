"""The second manifest: for trying an image out under `gramine-direct`, where there is no SGX.

It is made of the measured one and changes four things: it says what it is; encrypted mounts have a throw-away key that
everybody knows, since without an enclave nobody could keep one; and premain may read PAL, manifest and SIGSTRUCT, which
it has the software platform launch. So the evidence has the measurement of the real enclave - and ends in the software
platform's root, which no policy trusts that asks for hardware.
"""

from dataclasses import replace
from hashlib import sha256

from caisson.conversion import places
from caisson.enclave import SGX_PAL, EnvironmentVariable, ExposedKey, Manifest, TrustedFile

RUNTIME = "gramine-direct"
_MARK = (
    "# For gramine-direct, where nothing is protected: made by `caisson build` from app.manifest.sgx, not measured,\n"
    "# and with a key for encrypted mounts that everybody knows. Who asks for hardware refuses what runs under it.\n\n"
)
_THROW_AWAY_KEY = sha256(b"caisson: a throw-away key for gramine-direct").hexdigest()[:32]


def direct_manifest(manifest: Manifest, *, pal: str, signature: bytes) -> bytes:
    """Make the manifest for `gramine-direct`. `pal` is the SHA-256 (hex) of the SGX PAL, `signature` the SIGSTRUCT."""
    readable = {
        f"{places.RUNTIME}/{SGX_PAL}": pal,
        places.MANIFEST: sha256(manifest.encode()).hexdigest(),
        places.SIGSTRUCT: sha256(signature).hexdigest(),
    }
    files = (TrustedFile(uri=f"file:{path}", sha256=digest) for path, digest in readable.items())
    env = {item.name: item for item in manifest.loader.env}
    env["CAISSON_RUNTIME"] = EnvironmentVariable(name="CAISSON_RUNTIME", value=RUNTIME)
    keys = sorted({mount.key_name for mount in manifest.fs.mounts if mount.key_name is not None})
    exposed = tuple(ExposedKey(name=name, value=_THROW_AWAY_KEY) for name in keys)
    direct = replace(
        manifest,
        fs=replace(manifest.fs, insecure__keys=exposed),
        loader=replace(manifest.loader, env=tuple(env.values())),
        sgx=replace(manifest.sgx, trusted_files=(*manifest.sgx.trusted_files, *files)),
    )
    return _MARK.encode() + direct.encode()
