"""The platform's own enclaves, launched on the software processor like any other: signed, measured, initialised.

A software platform cannot measure the Python that does the work; each enclave's one page says which it is.
"""

import struct
from collections.abc import Iterator
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from caisson.platform.cpu import Cpu, Enclave, measure
from caisson.platform.einit import EXPONENT, MODULUS_BITS
from caisson.sgx import Attributes, Flags, MrEnclave, SigStruct

_PAGE = 4096
_CHUNK = 256
_READ_EXECUTE_REGULAR = 0x205
_SSA_FRAME_PAGES = 1
_SIZE = 384
_ATTRIBUTES = Attributes(flags=int(Flags.MODE64BIT | Flags.PROVISIONKEY), xfrm=0x3)
_EVERY_BIT = Attributes(flags=2**64 - 1, xfrm=2**64 - 1)


def generate_signing_key() -> RSAPrivateKey:
    """Make a key of the one kind that SIGSTRUCT knows: RSA, 3,072 bits, exponent 3."""
    return generate_private_key(public_exponent=EXPONENT, key_size=MODULUS_BITS)


def launch_architectural(cpu: Cpu, *, name: str, isv_prod_id: int, isv_svn: int, key: RSAPrivateKey) -> Enclave:
    """Launch the one-page enclave `name`, signed with `key`; it may use provisioning, as Intel's may."""
    mr_enclave = measure(_construction_log(name))
    sigstruct = sign_enclave(
        key, mr_enclave=mr_enclave, attributes=_ATTRIBUTES, isv_prod_id=isv_prod_id, isv_svn=isv_svn
    )
    return cpu.initialise(attributes=_ATTRIBUTES, misc_select=0, mr_enclave=mr_enclave, sigstruct=sigstruct)


def sign_enclave(
    key: RSAPrivateKey, *, mr_enclave: MrEnclave, attributes: Attributes, isv_prod_id: int = 0, isv_svn: int = 0
) -> SigStruct:
    """Vouch for an enclave that has exactly these attributes and no MISCSELECT."""
    modulus = key.public_key().public_numbers().n
    unsigned = SigStruct(
        vendor=0,
        date="00000000",
        sw_defined=0,
        modulus=modulus.to_bytes(_SIZE, "little"),
        exponent=EXPONENT,
        signature=bytes(_SIZE),
        misc_select=0,
        misc_mask=0xFFFF_FFFF,
        isv_family_id=bytes(16),
        attributes=attributes,
        attribute_mask=_EVERY_BIT,
        mr_enclave=mr_enclave,
        isv_ext_prod_id=bytes(16),
        isv_prod_id=isv_prod_id,
        isv_svn=isv_svn,
        q1=bytes(_SIZE),
        q2=bytes(_SIZE),
    )
    signature = int.from_bytes(key.sign(unsigned.signed_bytes, PKCS1v15(), SHA256()), "big")
    quotient1, remainder = divmod(signature * signature, modulus)
    return replace(
        unsigned,
        signature=signature.to_bytes(_SIZE, "little"),
        q1=quotient1.to_bytes(_SIZE, "little"),
        q2=(remainder * signature // modulus).to_bytes(_SIZE, "little"),
    )


def _construction_log(name: str) -> Iterator[bytes]:
    page = name.encode().ljust(_PAGE, b"\0")
    yield struct.pack("<8sLQ44s", b"ECREATE", _SSA_FRAME_PAGES, _PAGE, b"")
    yield struct.pack("<8sQQ40s", b"EADD", 0, _READ_EXECUTE_REGULAR, b"")
    for offset in range(0, _PAGE, _CHUNK):
        yield struct.pack("<8sQ48s", b"EEXTEND", offset, b"")
        yield page[offset : offset + _CHUNK]
