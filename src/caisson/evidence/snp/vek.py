"""The endorsement key's certificate: which chip or provider, and which firmware, the key stands for.

A VCEK is one chip's key at one TCB version; a VLEK is one that a cloud provider loads into its chips.
Source: AMD VCEK Certificate and KDS Interface Specification (57230), sections 3.1 and 3.2.
"""

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from caisson.errors import ChainRejected
from caisson.evidence.certificate import Certificate
from caisson.snp import ChipId, Product, SigningKey, TcbComponents

_AMD = "1.3.6.1.4.1.3704.1"
_STRUCT_VERSION, _PRODUCT, _HWID, _CSP_ID = f"{_AMD}.1", f"{_AMD}.2", f"{_AMD}.4", f"{_AMD}.5"
_BOOTLOADER, _TEE, _SNP, _MICROCODE, _FMC = (f"{_AMD}.3.{number}" for number in (1, 2, 3, 8, 9))
_RESERVED_LEVELS = tuple(f"{_AMD}.3.{number}" for number in (4, 5, 6, 7))
_KINDS = {"SEV-VCEK": SigningKey.VCEK, "SEV-VLEK": SigningKey.VLEK}
_MOST_LEVEL = 0xFF
_TURIN_HWID = 8
_OCTET_STRING_HEADERS = {b"\x04\x40": ChipId.SIZE, b"\x04\x08": _TURIN_HWID}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vek:
    """What the certificate says. A VCEK has a `chip_id`, a VLEK has the provider's `csp_id`."""

    kind: SigningKey
    product: Product
    tcb: TcbComponents
    chip_id: ChipId | None
    csp_id: str | None
    public_key: EllipticCurvePublicKey

    @classmethod
    def of(cls, certificate: Certificate) -> "Vek":
        """Read a certificate.

        Raises:
            ChainRejected: not an endorsement key's, or its extensions are not those of its kind and product.
        """
        kind = _KINDS.get(certificate.common_name)
        if kind is None:
            raise ChainRejected(f"certificate `{certificate.common_name}` is not for a VCEK or VLEK")
        try:
            return cls._read(certificate, kind)
        except (KeyError, ValueError, TypeError, OverflowError) as cause:
            raise ChainRejected(
                f"certificate `{certificate.common_name}` lacks an extension of its kind, or has another's"
            ) from cause

    @classmethod
    def _read(cls, certificate: Certificate, kind: SigningKey) -> "Vek":
        extensions = certificate.extensions
        _level(extensions[_STRUCT_VERSION])
        product = _product(asn1.decode_der(asn1.IA5String, extensions[_PRODUCT]).as_str())
        if any(_level(extensions[reserved]) for reserved in _RESERVED_LEVELS if reserved in extensions):
            raise ValueError(_RESERVED_LEVELS)
        if (_FMC in extensions) != (product is Product.TURIN):
            raise ValueError(_FMC)
        wanted, foreign = (_HWID, _CSP_ID) if kind is SigningKey.VCEK else (_CSP_ID, _HWID)
        if foreign in extensions:
            raise ValueError(foreign)
        own = extensions[wanted]
        return cls(
            kind=kind,
            product=product,
            tcb=TcbComponents(
                bootloader=_level(extensions[_BOOTLOADER]),
                tee=_level(extensions[_TEE]),
                snp=_level(extensions[_SNP]),
                microcode=_level(extensions[_MICROCODE]),
                fmc=_level(extensions[_FMC]) if product is Product.TURIN else None,
            ),
            chip_id=_chip_id(own, product) if kind is SigningKey.VCEK else None,
            csp_id=asn1.decode_der(asn1.IA5String, own).as_str() if kind is SigningKey.VLEK else None,
            public_key=_public_key(certificate),
        )


def _level(der: bytes) -> int:
    level = asn1.decode_der(int, der)
    if not 0 <= level <= _MOST_LEVEL:
        raise ValueError(level)
    return level


def _product(name: str) -> Product:
    """Read a product name with its stepping, such as `Milan-B0`, or without."""
    return Product(name.partition("-")[0])


def _chip_id(value: bytes, product: Product) -> ChipId:
    """Read a HWID, which AMD has written both as an OCTET STRING and without its header; their lengths differ."""
    size = _OCTET_STRING_HEADERS.get(value[:2])
    octets = value[2:] if size is not None and len(value) == size + 2 else value
    if len(octets) not in ({_TURIN_HWID, ChipId.SIZE} if product is Product.TURIN else {ChipId.SIZE}):
        raise ValueError(octets)
    return ChipId(octets.ljust(ChipId.SIZE, b"\0"))


def _public_key(certificate: Certificate) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(certificate.spki)
    except UnsupportedAlgorithm as cause:
        raise ValueError(certificate.spki) from cause
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP384R1):
        raise ChainRejected(f"certificate `{certificate.common_name}` does not have a P-384 key")
    return key
