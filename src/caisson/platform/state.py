"""A software platform in a directory, so that it is the same machine after a restart: same root, same keys.

The directory is its owner's alone (0700, files 0600), is made whole or not at all, and is held by one
process at a time.
"""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from caisson.errors import Malformed, Unavailable, UsageError
from caisson.platform.certificates import Credential
from caisson.platform.derivation import Fuses
from caisson.platform.machine import Machine, PckCa
from caisson.platform.provisioning import Provisioning
from caisson.platform.software import Secrets
from caisson.sgx import CpuSvn

_VERSION = 1
_DESCRIPTION = "platform.json"
_FUSES = "fuses.key"
_SIGNING_KEY = "quoting-enclave.key"
_CREDENTIALS = ("root", "pck_ca", "tcb_signer", "pck")
_OTHERS = 0o077


@contextlib.contextmanager
def open_state(directory: Path, *, now: datetime) -> Iterator[Secrets]:
    """Hold the platform in `directory`, making it first if there is none.

    Raises:
        Unavailable: another process holds it.
        UsageError: the directory is not one that a platform's secrets can be in.
        Malformed: something in it was changed.
    """
    if not (directory / _DESCRIPTION).exists():
        _create(directory, Secrets.create(now=now))
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise Unavailable(
                f"the platform in `{directory}` is in use", hint="stop the other process, or choose another directory"
            ) from cause
        yield read_state(directory)
    finally:
        os.close(descriptor)


def read_state(directory: Path) -> Secrets:
    """Read a platform without holding it.

    Raises:
        UsageError: there is none, or others can read it.
        Malformed: something in it was changed.
    """
    try:
        if directory.stat().st_mode & _OTHERS:
            raise UsageError(f"`{directory}` is open to other users", hint=f"run `chmod 700 {directory}`")
        description = json.loads((directory / _DESCRIPTION).read_bytes())
        return _secrets(directory, description)
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise UsageError(
            f"there is no whole platform in `{directory}`", hint="`caisson platform serve` makes one"
        ) from cause
    except OSError as cause:
        raise UsageError(f"cannot read `{cause.filename}`: {cause.strerror}") from cause
    except (ValueError, TypeError, KeyError, OverflowError, UnsupportedAlgorithm) as cause:
        raise Malformed(
            f"the platform in `{directory}` is damaged", hint="remove the directory to begin with a new platform"
        ) from cause


def _create(directory: Path, secrets: Secrets) -> None:
    """Write everything beside `directory`, then move it there in one step."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    except OSError as cause:
        raise UsageError(f"cannot make `{directory}`: {cause.strerror}") from cause
    try:
        for name, content in _files(secrets):
            descriptor = os.open(draft / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        try:
            draft.rename(directory)
        except OSError as cause:
            # Another process may have made its platform in the meantime: then that is the one.
            if not (directory / _DESCRIPTION).exists():
                raise UsageError(
                    f"cannot make a platform in `{directory}`: {cause.strerror}", hint="choose a new or empty directory"
                ) from cause
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _files(secrets: Secrets) -> Iterator[tuple[str, bytes]]:
    machine = secrets.provisioning.machine
    description = {
        "version": _VERSION,
        "created": int(secrets.created.timestamp()),
        "ppid": machine.ppid.hex(),
        "fmspc": machine.fmspc.hex(),
        "pce_id": machine.pce_id.hex(),
        "cpu_svn": str(machine.cpu_svn),
        "pce_svn": machine.pce_svn,
        "ca": machine.ca.value,
    }
    yield _DESCRIPTION, json.dumps(description, indent=2).encode() + b"\n"
    yield _FUSES, secrets.fuses.encode()
    yield _SIGNING_KEY, _pem(secrets.signing_key)
    for name in _CREDENTIALS:
        credential: Credential = getattr(secrets.provisioning, name)
        yield f"{name}.pem", credential.pem.encode()
        yield f"{name}.key", _pem(credential.key)


def _secrets(directory: Path, description: dict[str, Any]) -> Secrets:
    if description["version"] != _VERSION:
        raise Malformed(f"`{directory}` was written by another version of Caisson")
    machine = Machine(
        ppid=bytes.fromhex(description["ppid"]),
        fmspc=bytes.fromhex(description["fmspc"]),
        pce_id=bytes.fromhex(description["pce_id"]),
        cpu_svn=CpuSvn.from_hex(description["cpu_svn"]),
        pce_svn=int(description["pce_svn"]),
        ca=PckCa(description["ca"]),
    )
    signing_key = load_pem_private_key((directory / _SIGNING_KEY).read_bytes(), None)
    fuses = (directory / _FUSES).read_bytes()
    if not isinstance(signing_key, RSAPrivateKey) or len(fuses) != Fuses.SIZE:
        raise ValueError
    return Secrets(
        fuses=Fuses.of(fuses),
        provisioning=Provisioning(machine=machine, **{name: _credential(directory, name) for name in _CREDENTIALS}),
        signing_key=signing_key,
        created=datetime.fromtimestamp(description["created"], UTC),
    )


def _credential(directory: Path, name: str) -> Credential:
    certificate = x509.load_pem_x509_certificate((directory / f"{name}.pem").read_bytes())
    key = load_pem_private_key((directory / f"{name}.key").read_bytes(), None)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise TypeError
    if certificate.public_key() != key.public_key():
        raise ValueError
    return Credential(certificate=certificate, key=key)


def _pem(key: EllipticCurvePrivateKey | RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
