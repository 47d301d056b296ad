"""The PCK certificate's own words about the platform.

Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, section 1.3.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, cast

from cryptography import x509
from cryptography.hazmat import asn1

from caisson.abi import FixedBytes
from caisson.errors import ChainRejected, Malformed
from caisson.evidence.certificate import UNREADABLE, Certificate
from caisson.sgx import CpuSvn

_SGX = "1.2.840.113741.1.13.1"
_MEMBERS = [x509.ObjectIdentifier(f"{_SGX}.{number}") for number in range(1, 6)]
_SVNS = [x509.ObjectIdentifier(f"{_SGX}.2.{number}") for number in range(1, CpuSvn.SIZE + 3)]
_INSTANCE = [x509.ObjectIdentifier(f"{_SGX}.6")]
_CONFIGURATION = [x509.ObjectIdentifier(f"{_SGX}.{number}") for number in ("7", "7.1", "7.2", "7.3")]
_ENUMERATED = b"\x0a"
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
class _Octets:
    oid: x509.ObjectIdentifier
    value: bytes


@asn1.sequence
class _Svn:
    oid: x509.ObjectIdentifier
    value: int | bytes


@asn1.sequence
class _Tcb:
    oid: x509.ObjectIdentifier
    values: list[_Svn]


@asn1.sequence
class _Flag:
    oid: x509.ObjectIdentifier
    value: bool


@asn1.sequence
class _Configuration:
    oid: x509.ObjectIdentifier
    values: list[_Flag]


@asn1.sequence
class _Extension:
    ppid: _Octets
    tcb: _Tcb
    pce_id: _Octets
    fmspc: _Octets
    sgx_type: _Item
    platform_instance: _Octets | None
    configuration: _Configuration | None


class _Named(Protocol):
    oid: x509.ObjectIdentifier


def _read(extension: _Extension) -> Pck:
    tcb, instance, configuration = extension.tcb, extension.platform_instance, extension.configuration
    _require_oids((extension.ppid, tcb, extension.pce_id, extension.fmspc, extension.sgx_type), _MEMBERS)
    components, pce_svn, cpu_svn = _tcb(tcb)
    if components != cpu_svn:
        # Some verifiers compare one, some the other: where they differ, no verdict would be everybody's.
        raise ChainRejected(f"PCK certificate has components {components.hex()} and CPUSVN {cpu_svn.hex()}")
    if (instance is None) != (configuration is None):
        raise ChainRejected("PCK certificate has a platform instance without configuration, or the reverse")
    dynamic_platform, cached_keys, smt_enabled = (None,) * 3 if configuration is None else _flags(configuration)
    if instance is not None:
        _require_oids((instance,), _INSTANCE)
    return Pck(
        ppid=PlatformId(extension.ppid.value),
        cpu_svn=CpuSvn(cpu_svn),
        pce_svn=pce_svn,
        pce_id=PceId(extension.pce_id.value),
        fmspc=Fmspc(extension.fmspc.value),
        memory_protection=_memory_protection(extension.sgx_type.value),
        platform_instance=None if instance is None else PlatformId(instance.value),
        dynamic_platform=dynamic_platform,
        cached_keys=cached_keys,
        smt_enabled=smt_enabled,
    )


def _tcb(tcb: _Tcb) -> tuple[bytes, int, bytes]:
    _require_oids(tcb.values, _SVNS)
    *svns, pce_svn, cpu_svn = (each.value for each in tcb.values)
    if not isinstance(pce_svn, int) or not 0 <= pce_svn <= _MOST_PCESVN or not isinstance(cpu_svn, bytes):
        raise ValueError(pce_svn)
    # What is not a number, or does not fit into a byte, makes no bytes.
    return bytes(cast("list[int]", svns)), pce_svn, cpu_svn


def _flags(configuration: _Configuration) -> tuple[bool, bool, bool]:
    _require_oids((configuration, *configuration.values), _CONFIGURATION)
    dynamic_platform, cached_keys, smt_enabled = (each.value for each in configuration.values)
    return dynamic_platform, cached_keys, smt_enabled


def _memory_protection(value: asn1.TLV) -> MemoryProtection:
    if value.tag_bytes != _ENUMERATED:
        raise ValueError(value.tag_bytes)
    return MemoryProtection(int.from_bytes(value.data, "big"))


def _require_oids(items: Sequence[_Named], expected: list[x509.ObjectIdentifier]) -> None:
    found = [item.oid for item in items]
    if found != expected:
        has, wanted = (", ".join(oid.dotted_string for oid in oids) for oids in (found, expected))
        raise ChainRejected(f"PCK certificate has {has} where {wanted} belongs")
