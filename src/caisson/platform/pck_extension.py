"""The SGX extension of a PCK certificate, 1.2.840.113741.1.13.1, in DER.

Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, 1.3.5.
"""

from caisson.platform.machine import Machine, PckCa

SGX_EXTENSIONS = "1.2.840.113741.1.13.1"

_SEQUENCE, _OCTETS, _OID, _INTEGER, _ENUMERATED, _BOOLEAN = 0x30, 0x04, 0x06, 0x02, 0x0A, 0x01
_ROOT = bytes.fromhex("2a864886f84d010d01")
_STANDARD, _SCALABLE = 0, 1
_TRUE = b"\xff"
_LONG_FORM = 0x80


def encode_sgx_extension(machine: Machine) -> bytes:
    """Give the extension's value: five members for a processor CA, seven for a platform CA."""
    components = [_member(2, number, value=_integer(svn)) for number, svn in enumerate(machine.cpu_svn.value, 1)]
    tcb = b"".join(
        (
            *components,
            _member(2, 17, value=_integer(machine.pce_svn)),
            _member(2, 18, value=_octets(machine.cpu_svn.value)),
        )
    )
    platform = machine.ca is PckCa.PLATFORM
    members = [
        _member(1, value=_octets(machine.ppid)),
        _member(2, value=_tlv(_SEQUENCE, tcb)),
        _member(3, value=_octets(machine.pce_id)),
        _member(4, value=_octets(machine.fmspc)),
        _member(5, value=_tlv(_ENUMERATED, bytes((_SCALABLE if platform else _STANDARD,)))),
    ]
    if platform:
        # A platform of several packages: its instance is its first package, and it may grow,
        # caches its keys and has SMT enabled, as nearly every real one.
        flags = b"".join(_member(7, number, value=_tlv(_BOOLEAN, _TRUE)) for number in (1, 2, 3))
        members += [_member(6, value=_octets(machine.ppid)), _member(7, value=_tlv(_SEQUENCE, flags))]
    return _tlv(_SEQUENCE, b"".join(members))


def _member(*arcs: int, value: bytes) -> bytes:
    return _tlv(_SEQUENCE, _tlv(_OID, _ROOT + bytes(arcs)) + value)


def _octets(value: bytes) -> bytes:
    return _tlv(_OCTETS, value)


def _integer(value: int) -> bytes:
    return _tlv(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < _LONG_FORM:
        length = bytes((size,))
    else:
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes((_LONG_FORM | len(octets),)) + octets
    return bytes((tag,)) + length + content
