"""MRENCLAVE, from nothing but bytes."""

from hashlib import sha256

from caisson.enclave.layout import GRAMINE, LayoutConstants
from caisson.enclave.log import construction_log
from caisson.sgx import MrEnclave


def measure(pal: bytes, manifest: bytes, constants: LayoutConstants = GRAMINE) -> MrEnclave:
    """Compute the MRENCLAVE of the enclave that Gramine's loader builds from a PAL and a manifest.

    Equals what Gramine's signer computes. `pal` is the ELF file of `libpal.so`, or of the program that takes its place
    on the `native` runtime; `manifest` is the file `….manifest.sgx`, byte for byte. `constants` are
    the release's; those of 1.4 to 1.9 are the same.

    Raises:
        Malformed: a PAL or manifest that cannot be read, or an enclave too small for them.
    """
    digest = sha256()
    for piece in construction_log(pal, manifest, constants):
        digest.update(piece)
    return MrEnclave(digest.digest())
