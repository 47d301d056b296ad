"""MRENCLAVE, from nothing but bytes."""

from hashlib import sha256

from caisson.enclave.log import construction_log
from caisson.sgx import MrEnclave


def measure(pal: bytes, manifest: bytes) -> MrEnclave:
    """Compute the MRENCLAVE of the enclave that Gramine's loader builds from a PAL and a manifest.

    Equals what Gramine's signer computes. `pal` is the ELF file of `libpal.so`, or of the program that takes its place
    on the `native` runtime; `manifest` is the file `….manifest.sgx`, byte for byte.

    Raises:
        Malformed: a PAL or manifest that cannot be read, or an enclave too small for them.
    """
    digest = sha256()
    for piece in construction_log(pal, manifest):
        digest.update(piece)
    return MrEnclave(digest.digest())
