"""What is built with, and an image."""

import os
import tempfile
from importlib.resources import files
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from caisson import oci
from caisson.conversion import MANIFEST, SIGSTRUCT
from caisson.conversion.measured import runtime_of
from caisson.conversion.runtime import RuntimeStore
from caisson.doctor.readings import Image, KeyFile, Unread, Workshop
from caisson.enclave import EnclaveParameters, Manifest, read_private_key, secs_attributes
from caisson.errors import CaissonError, Malformed, Unavailable, UsageError

_PROGRAMS = ("premain", "probe")
_MODE = 0o7777
_MOST_BYTES = 64 * 1024


def read_workshop(runtimes: Path) -> Workshop | Unread:
    """See what this installation has, and which releases of Gramine were added."""
    missing = [name for name in _PROGRAMS if not files("caisson.conversion").joinpath("_bin", name).is_file()]
    try:
        found = RuntimeStore(runtimes).list()
    except (CaissonError, OSError) as error:
        return Unread(unread=str(error))
    versions = dict.fromkeys(f"Gramine {each.bundle.version} ({each.bundle.libc})" for each in found)
    return Workshop(missing=tuple(missing), runtimes=tuple(versions))


def read_key(path: Path) -> KeyFile | Unread:
    """Look at the file with a key, and at what kind of key it is; nothing of the key itself is kept."""
    try:
        status = path.stat()
        with path.open("rb") as file:
            pem = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return KeyFile(path=str(path), exists=False)
    except OSError as error:
        return Unread(unread=f"`{path}`: {(error.strerror or str(error)).lower()}")
    bits = exponent = problem = None
    encrypted = b"ENCRYPTED" in pem
    if not encrypted:
        try:
            key = read_private_key(pem, None)
        except (Malformed, UsageError) as error:
            problem = error.message
        else:
            if isinstance(key, rsa.RSAPrivateKey):
                bits, exponent = key.key_size, key.public_key().public_numbers().e
            else:
                problem = "it is not an RSA key"
    return KeyFile(
        path=str(path),
        exists=True,
        mode=status.st_mode & _MODE,
        owned=status.st_uid == os.geteuid(),
        encrypted=encrypted,
        bits=bits,
        exponent=exponent,
        problem=problem,
    )


def read_image(reference: str, access: oci.Access) -> Image | Unread:
    """Read what an image's manifest asks for; nothing of it is verified here."""
    try:
        with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
            found = oci.source(oci.Reference.parse(reference), access).read(scratch=Path(directory))
            return _describe(reference, oci.FileSystem.of(found))
    except (Unavailable, UsageError) as error:
        return Unread(unread=error.message)
    except CaissonError as error:
        return Image(reference=reference, problem=error.message)


def _describe(reference: str, files_: oci.FileSystem) -> Image:
    place = files_.find(MANIFEST)
    if place is None or place.content is None:
        return Image(reference=reference, problem=f"it has no `{MANIFEST}`")
    raw = place.content.read()
    manifest, parameters = Manifest.parse(raw), EnclaveParameters.parse(raw)
    attributes, misc_select = secs_attributes(raw)
    return Image(
        reference=reference,
        runtime=runtime_of(manifest),
        signed=files_.find(SIGSTRUCT) is not None,
        debug=parameters.debug,
        enclave_size=parameters.enclave_size,
        dynamic_memory=parameters.edmm_enable,
        xfrm=attributes.xfrm,
        misc_select=misc_select,
    )
