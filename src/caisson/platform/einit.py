"""EINIT: what a processor checks before an enclave may run (SDM vol. 3D, EINIT).

1. SIGSTRUCT's constants: exponent 3, a vendor that exists, a modulus of 3,072 bits.
2. Its signature over header and body, with the quotients that let hardware check it without division.
3. ENCLAVEHASH is the enclave's MRENCLAVE.
4. ATTRIBUTES and MISCSELECT equal the enclave's, under SIGSTRUCT's masks.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from caisson.errors import LaunchRejected
from caisson.sgx import Attributes, MrEnclave, SigStruct

EXPONENT = 3
MODULUS_BITS = 3072
_VENDORS = (0x0000_0000, 0x0000_8086)


def check_sigstruct(
    sigstruct: SigStruct, *, mr_enclave: MrEnclave, attributes: Attributes, misc_select: int
) -> SigStruct:
    """Give `sigstruct` back if it vouches for exactly this enclave. The numbers are those of the module's plan.

    Raises:
        LaunchRejected: with the SDM's error name.
    """
    # 1. Constants.
    modulus = int.from_bytes(sigstruct.modulus, "little")
    if sigstruct.exponent != EXPONENT or sigstruct.vendor not in _VENDORS or modulus.bit_length() != MODULUS_BITS:
        raise LaunchRejected(
            "SGX_INVALID_SIGNATURE",
            "the SIGSTRUCT's key or vendor is not one that SGX knows",
            hint="sign with an RSA key of 3,072 bits and exponent 3",
        )
    # 2. Signature.
    _check_signature(sigstruct, modulus)
    # 3. Measurement.
    if sigstruct.mr_enclave != mr_enclave:
        raise LaunchRejected(
            "SGX_INVALID_MEASUREMENT",
            f"the SIGSTRUCT is for MRENCLAVE {sigstruct.mr_enclave}, the enclave has {mr_enclave}",
            hint="the program or its manifest is not the one that was signed; sign again if you meant to change it",
        )
    # 4. Attributes.
    mask = sigstruct.attribute_mask
    if attributes.masked(mask) != sigstruct.attributes.masked(mask):
        raise LaunchRejected("SGX_INVALID_ATTRIBUTE", _attribute_difference(sigstruct, attributes))
    if misc_select & sigstruct.misc_mask != sigstruct.misc_select & sigstruct.misc_mask:
        raise LaunchRejected(
            "SGX_INVALID_ATTRIBUTE",
            f"the enclave has MISCSELECT {misc_select:#x}, which its signer does not allow",
        )
    return sigstruct


def _check_signature(sigstruct: SigStruct, modulus: int) -> None:
    signature = int.from_bytes(sigstruct.signature, "little")
    quotient1, remainder = divmod(signature * signature, modulus)
    quotient2 = remainder * signature // modulus
    given = (int.from_bytes(sigstruct.q1, "little"), int.from_bytes(sigstruct.q2, "little"))
    try:
        # `cryptography` refuses some moduli that no key generator makes, with ValueError.
        RSAPublicNumbers(e=EXPONENT, n=modulus).public_key().verify(
            sigstruct.signature[::-1], sigstruct.signed_bytes, PKCS1v15(), SHA256()
        )
        genuine = signature < modulus and given == (quotient1, quotient2)
    except (InvalidSignature, ValueError):
        genuine = False
    if not genuine:
        raise LaunchRejected(
            "SGX_INVALID_SIGNATURE",
            "the SIGSTRUCT's signature does not verify",
            hint="the SIGSTRUCT was changed after it was signed; sign again",
        )


def _attribute_difference(sigstruct: SigStruct, attributes: Attributes) -> str:
    if attributes.debug != sigstruct.attributes.debug:
        asked, signed = ("a debug", "production") if attributes.debug else ("a production", "debug")
        return f"{asked} enclave was asked for, its signer allows {signed} only"
    return (
        f"the enclave has FLAGS {attributes.flags:#x} and XFRM {attributes.xfrm:#x}, "
        f"its signer allows {sigstruct.attributes.flags:#x} and {sigstruct.attributes.xfrm:#x}"
    )
