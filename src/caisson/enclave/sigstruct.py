"""Making and checking SIGSTRUCTs (SDM vol. 3D, 37.13).

Signing has three steps, so that the key may be anywhere: `unsigned_sigstruct` says what is to be signed, any holder of
the key signs `signed_bytes`, and `attach_signature` puts both together.
"""

import re
from dataclasses import replace
from datetime import date as Date  # noqa: N812 - `date` is the name of a parameter everywhere here
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from caisson.enclave.attributes import MISC_MASK, signed_attributes, signed_misc_select
from caisson.enclave.layout import GRAMINE, LayoutConstants
from caisson.enclave.measurement import measure
from caisson.enclave.parameters import EnclaveParameters
from caisson.errors import SignatureRejected, UsageError
from caisson.sgx import MrSigner, SigStruct

KEY_BITS = 3072
EXPONENT = 3
NO_DATE = "0000-00-00"

_KEY_BYTES = KEY_BITS // 8
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ID_BYTES = 16


class Signer(Protocol):
    """A holder of an RSA-3072 key with exponent 3: a file, a token, a service."""

    @property
    def modulus(self) -> int:
        """The public modulus."""

    def sign(self, message: bytes) -> bytes:
        """Sign with RSASSA-PKCS1-v1_5 and SHA-256: 384 bytes, big-endian."""


def sign(pal: bytes, manifest: bytes, key: Signer, *, date: str, constants: LayoutConstants = GRAMINE) -> SigStruct:
    """Measure an enclave and sign it. The same input always gives the same bytes.

    `date` is `YYYY-MM-DD`, or `0000-00-00` for none.

    Raises:
        Malformed: a PAL or manifest that cannot be read.
        SignatureRejected: the key's holder gave something else than a signature.
        UsageError: not a date.
    """
    unsigned = unsigned_sigstruct(pal, manifest, date=date, constants=constants)
    return attach_signature(unsigned, modulus=key.modulus, signature=key.sign(unsigned.signed_bytes))


def unsigned_sigstruct(pal: bytes, manifest: bytes, *, date: str, constants: LayoutConstants = GRAMINE) -> SigStruct:
    """Measure an enclave and give its SIGSTRUCT, with zeros for the key and the signature.

    Raises:
        Malformed: a PAL or manifest that cannot be read.
        UsageError: not a date.
    """
    digits = _date_digits(date)
    parameters = EnclaveParameters.parse(manifest)
    attributes, mask = signed_attributes(parameters)
    nothing = bytes(_KEY_BYTES)
    return SigStruct(
        vendor=0,
        date=digits,
        sw_defined=0,
        modulus=nothing,
        exponent=EXPONENT,
        signature=nothing,
        misc_select=signed_misc_select(parameters),
        misc_mask=MISC_MASK,
        isv_family_id=bytes(_ID_BYTES),
        attributes=attributes,
        attribute_mask=mask,
        mr_enclave=measure(pal, manifest, constants),
        isv_ext_prod_id=bytes(_ID_BYTES),
        isv_prod_id=parameters.isvprodid,
        isv_svn=parameters.isvsvn,
        q1=nothing,
        q2=nothing,
    )


def attach_signature(unsigned: SigStruct, *, modulus: int, signature: bytes) -> SigStruct:
    """Put a key and its signature (big-endian) into a SIGSTRUCT, and check the result.

    Raises:
        SignatureRejected: not a signature over `unsigned` by that key.
    """
    number = int.from_bytes(signature, "big")
    if modulus.bit_length() != KEY_BITS or number >= modulus:
        raise SignatureRejected(f"signature was not made by an RSA-{KEY_BITS} key")
    q1, q2 = _quotients(number, modulus)
    signed = replace(
        unsigned,
        modulus=_little(modulus),
        signature=_little(number),
        q1=_little(q1),
        q2=_little(q2),
    )
    verify_sigstruct(signed)
    return signed


def verify_sigstruct(sigstruct: SigStruct) -> MrSigner:
    """Check a SIGSTRUCT as EINIT does, and give the author whom it proves.

    1. The exponent is 3 and the modulus has 3,072 bits.
    2. The signature is a number below the modulus.
    3. Q1 and Q2 are the quotients that EINIT would use in place of divisions.
    4. The signature verifies over header and body (RSASSA-PKCS1-v1_5, SHA-256).

    Raises:
        SignatureRejected: any of these does not hold.
    """
    # 1.
    modulus = int.from_bytes(sigstruct.modulus, "little")
    if sigstruct.exponent != EXPONENT or modulus.bit_length() != KEY_BITS or modulus % 2 == 0:
        raise SignatureRejected(f"SIGSTRUCT has a key that is not RSA-{KEY_BITS} with exponent {EXPONENT}")
    # 2.
    signature = int.from_bytes(sigstruct.signature, "little")
    if signature >= modulus:
        raise SignatureRejected("SIGSTRUCT has a signature that is not below the modulus")
    # 3.
    if (sigstruct.q1, sigstruct.q2) != tuple(map(_little, _quotients(signature, modulus))):
        raise SignatureRejected("SIGSTRUCT has wrong Q1 or Q2")
    # 4.
    key = RSAPublicNumbers(EXPONENT, modulus).public_key()
    try:
        key.verify(signature.to_bytes(_KEY_BYTES, "big"), sigstruct.signed_bytes, PKCS1v15(), SHA256())
    except InvalidSignature as cause:
        raise SignatureRejected("SIGSTRUCT has a signature that does not verify") from cause
    return sigstruct.mr_signer


def mr_signer_of(modulus: int) -> MrSigner:
    """Give the MRSIGNER of a public key."""
    return MrSigner(sha256(_little(modulus)).digest())


def _quotients(signature: int, modulus: int) -> tuple[int, int]:
    square, rest = divmod(signature * signature, modulus)
    return square, rest * signature // modulus


def _little(number: int) -> bytes:
    return number.to_bytes(_KEY_BYTES, "little")


def _date_digits(date: str) -> str:
    try:
        if _DATE.fullmatch(date) is None:
            raise ValueError(date)  # noqa: TRY301 - one message for both
        if date != NO_DATE:
            Date.fromisoformat(date)
    except ValueError as cause:
        raise UsageError(f"not a date: {date[:40]!r}", hint=f"write `YYYY-MM-DD`, or `{NO_DATE}` for none") from cause
    return date.replace("-", "")
