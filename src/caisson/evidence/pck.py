"""The PCK certificate's own words about the platform.

Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, section 1.3.5.
"""

from dataclasses import dataclass
from enum import IntEnum

from cryptography import x509
from cryptography.hazmat import asn1

from caisson.abi import FixedBytes
from caisson.errors import ChainRejected, Malformed
from caisson.evidence.certificate import UNREADABLE, Certificate
from caisson.sgx import CpuSvn

_SGX = "1.2.840.113741.1.13.1"
_COMPONENTS = CpuSvn.SIZE
_ENUMERATED = b"\x0a"
_MOST_SVN = 0xFF
_MOST_PCESVN = 0xFFFF


class Fmspc(FixedBytes):
    """Family, model, stepping, platform type and custom SKU: the kind of platform that TCB info is about."""

    __slots__ = ()
    SIZE = 6


class PceId(FixedBytes):
    """Which provisioning certification enclave speaks for the platform."""

    __slots__ = ()
    SIZE = 2


class PlatformId(FixedBytes):
    """A PPID or a platform instance: 16 bytes that are one machine's own."""

    __slots__ = ()
    SIZE = 16


class MemoryProtection(IntEnum):
    """How the memory of this kind of platform is protected ("SGX type")."""

    STANDARD = 0
    SCALABLE = 1
    SCALABLE_WITH_INTEGRITY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pck:
    """What a PCK certificate says. The flags are `None` where a Processor CA issued it: it does not know them."""

    ppid: PlatformId
    cpu_svn: CpuSvn
    pce_svn: int
    pce_id: PceId
    fmspc: Fmspc
    memory_protection: MemoryProtection
    platform_instance: PlatformId | None
    dynamic_platform: bool | None
    cached_keys: bool | None
    smt_enabled: bool | None

    @classmethod
    def of(cls, certificate: Certificate) -> "Pck":
        """Read the SGX extension of a certificate that was verified.

        Raises:
            ChainRejected: there is none, or not in the one form that Intel writes: DER, fixed order, all parts.
        """
        extension = certificate.extensions.get(_SGX)
        if extension is None:
            raise ChainRejected("PCK certificate has no SGX extension")
        try:
            return _read(asn1.decode_der(_Extension, extension))
        except (*UNREADABLE, Malformed) as cause:
            raise ChainRejected("PCK certificate has an SGX extension that cannot be read") from cause


@asn1.sequence
class _Item:
    oid: x509.ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class _Items:
    oid: x509.ObjectIdentifier
    values: list[_Item]


@asn1.sequence
class _Octets:
    oid: x509.ObjectIdentifier
    value: bytes


@asn1.sequence
class _Extension:
    ppid: _Octets
    tcb: _Items
    pce_id: _Octets
    fmspc: _Octets
    sgx_type: _Item
    platform_instance: _Octets | None
    configuration: _Items | None


def _read(extension: _Extension) -> Pck:
    components, pce_svn, cpu_svn = _tcb(extension.tcb)
    if components != cpu_svn:
        # Some verifiers compare one, some the other: where they differ, no verdict would be everybody's.
        raise ChainRejected(f"PCK certificate has components {components.hex()} and CPUSVN {cpu_svn.hex()}")
    if (extension.platform_instance is None) != (extension.configuration is None):
        raise ChainRejected("PCK certificate has a platform instance without configuration, or the reverse")
    flags = (None, None, None) if extension.configuration is None else _configuration(extension.configuration)
    instance = extension.platform_instance
    return Pck(
        ppid=PlatformId(_octets(extension.ppid, 1)),
        cpu_svn=CpuSvn(cpu_svn),
        pce_svn=pce_svn,
        pce_id=PceId(_octets(extension.pce_id, 3)),
        fmspc=Fmspc(_octets(extension.fmspc, 4)),
        memory_protection=_memory_protection(extension.sgx_type),
        platform_instance=None if instance is None else PlatformId(_octets(instance, 6)),
        dynamic_platform=flags[0],
        cached_keys=flags[1],
        smt_enabled=flags[2],
    )


def _tcb(items: _Items) -> tuple[bytes, int, bytes]:
    _require_oid(items.oid, 2)
    if len(items.values) != _COMPONENTS + 2:
        raise ValueError(len(items.values))
    for number, item in enumerate(items.values, 1):
        _require_oid(item.oid, 2, number)
    *svns, pce_svn = (item.value.parse(int) for item in items.values[: _COMPONENTS + 1])
    if not (all(0 <= svn <= _MOST_SVN for svn in svns) and 0 <= pce_svn <= _MOST_PCESVN):
        raise ValueError(svns)
    cpu_svn: bytes = items.values[-1].value.parse(bytes)
    return bytes(svns), pce_svn, cpu_svn


def _configuration(items: _Items) -> tuple[bool, bool, bool]:
    _require_oid(items.oid, 7)
    dynamic_platform, cached_keys, smt_enabled = items.values
    for number, item in enumerate(items.values, 1):
        _require_oid(item.oid, 7, number)
    return dynamic_platform.value.parse(bool), cached_keys.value.parse(bool), smt_enabled.value.parse(bool)


def _memory_protection(item: _Item) -> MemoryProtection:
    _require_oid(item.oid, 5)
    if item.value.tag_bytes != _ENUMERATED:
        raise ValueError(item.value.tag_bytes)
    return MemoryProtection(int.from_bytes(item.value.data, "big"))


def _octets(item: _Octets, number: int) -> bytes:
    _require_oid(item.oid, number)
    return item.value


def _require_oid(found: x509.ObjectIdentifier, *numbers: int) -> None:
    expected = ".".join((_SGX, *map(str, numbers)))
    if found.dotted_string != expected:
        raise ChainRejected(f"PCK certificate has {found.dotted_string} where {expected} belongs")
