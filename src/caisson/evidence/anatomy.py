"""Every byte of a quote or an SNP report by its name, in order and without a gap. Nothing of it is verified.

Sources: Intel SGX ECDSA Quote Library Reference, appendix A; Intel TDX DCAP Quoting Library API, appendix A.3; AMD
SEV-SNP Firmware ABI Specification (56860), ATTESTATION_REPORT.
"""

from dataclasses import dataclass, fields
from typing import get_type_hints

from caisson.abi import Cursor
from caisson.errors import Malformed
from caisson.sgx import TEE_TDX, BodyKind, CertificationKind
from caisson.snp import Report
from caisson.tdx import TdBody, TdBody15, TdBody15Ex

_V3, _V4, _V5 = 3, 4, 5

# Sizes of numbers are negative: they are little-endian, and shown as numbers.
_HEADER = (
    ("version", -2),
    ("attestation key type", -2),
    ("TEE type", -4),
    ("QE SVN", -2),
    ("PCE SVN", -2),
    ("QE vendor", 16),
    ("user data", 20),
)
_SGX_BODY = (
    ("CPUSVN", 16),
    ("MISCSELECT", -4),
    ("reserved", 12),
    ("ISVEXTPRODID", 16),
    ("ATTRIBUTES.FLAGS", 8),
    ("ATTRIBUTES.XFRM", 8),
    ("MRENCLAVE", 32),
    ("reserved", 32),
    ("MRSIGNER", 32),
    ("reserved", 32),
    ("CONFIGID", 64),
    ("ISVPRODID", -2),
    ("ISVSVN", -2),
    ("CONFIGSVN", -2),
    ("reserved", 42),
    ("ISVFAMILYID", 16),
    ("REPORTDATA", 64),
)
_SNP = (
    ("version", -4),
    ("guest SVN", -4),
    ("guest policy", 8),
    ("family id", 16),
    ("image id", 16),
    ("VMPL", -4),
    ("signature algorithm", -4),
    ("current TCB", 8),
    ("platform info", 8),
    ("key info", -4),
    ("reserved", 4),
    ("report data", 64),
    ("measurement", 48),
    ("host data", 32),
    ("id key digest", 48),
    ("author key digest", 48),
    ("report id", 32),
    ("report id of the migration agent", 32),
    ("reported TCB", 8),
    ("CPUID: family, model, stepping", 3),
    ("reserved", 21),
    ("chip id", 64),
    ("committed TCB", 8),
    ("current firmware", 4),
    ("committed firmware", 4),
    ("launch TCB", 8),
    ("mitigations at launch, and now", 16),
    ("reserved", 152),
    ("signature: r", 72),
    ("signature: s", 72),
    ("reserved", 368),
)
_TD_BODIES: dict[int, type[TdBody]] = {
    BodyKind.TD10: TdBody,
    BodyKind.TD15: TdBody15,
    BodyKind.TD15EX: TdBody15Ex,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes with a name; `number` is what they say where they are a little-endian number."""

    offset: int
    name: str
    raw: bytes
    number: int | None = None


def quote_anatomy(raw: bytes) -> tuple[Part, ...]:
    """Name every byte of a quote of version 3, 4 or 5.

    Raises:
        Malformed: cut short, trailing bytes, or a kind that is not known.
    """
    walk = _Walk(raw, what="quote")
    walk.layout("", _HEADER)
    version, tee = walk.number("version"), walk.number("TEE type")
    if version not in (_V3, _V4, _V5):
        raise Malformed(f"quote has version {version}, not 3, 4 or 5")
    _body(walk, version, tee)
    walk.take("size of the signature section", -4)
    walk.take("signature: r", 32)
    walk.take("signature: s", 32)
    walk.take("attestation key: x", 32)
    walk.take("attestation key: y", 32)
    if version != _V3:
        kind = walk.take("outer certification data: type", -2)
        if kind != CertificationKind.QE_REPORT:
            raise Malformed(f"quote has certification data of type {kind}, not {CertificationKind.QE_REPORT:d}")
        walk.take("outer certification data: size", -4)
    walk.layout("QE ", _SGX_BODY)
    walk.take("QE report's signature: r", 32)
    walk.take("QE report's signature: s", 32)
    walk.take("QE authentication data", walk.take("size of the QE authentication data", -2))
    kind = walk.take("certification data: type", -2)
    size = walk.take("certification data: size", -4)
    walk.take(f"certification data: {'a PEM chain' if kind == CertificationKind.PEM_CHAIN else 'bytes'}", size)
    return walk.finish()


def report_anatomy(raw: bytes) -> tuple[Part, ...]:
    """Name every byte of an SNP report of version 2 to 5.

    Raises:
        Malformed: not 1,184 bytes, or another version.
    """
    walk = _Walk(raw, what="report")
    walk.layout("", _SNP)
    if (version := walk.number("version")) not in Report.VERSIONS:
        raise Malformed(f"report has version {version}, not 2 to 5")
    return walk.finish()


class _Walk:
    def __init__(self, raw: bytes, *, what: str) -> None:
        self._cursor = Cursor(raw, what=what)
        self._at = 0
        self._parts: list[Part] = []

    def layout(self, prefix: str, layout: tuple[tuple[str, int], ...]) -> None:
        for name, size in layout:
            self.take(prefix + name, size)

    def take(self, name: str, size: int) -> int:
        """Take a part; a negative size makes it a number, which is given."""
        raw = self._cursor.take(abs(size))
        number = int.from_bytes(raw, "little")
        # Nothing is no part: what has no bytes has no place.
        if raw:
            self._parts.append(Part(offset=self._at, name=name, raw=raw, number=number if size < 0 else None))
        self._at += len(raw)
        return number

    def number(self, name: str) -> int | None:
        return next(part.number for part in self._parts if part.name == name)

    def finish(self) -> tuple[Part, ...]:
        self._cursor.finish()
        return tuple(self._parts)


def _body(walk: _Walk, version: int | None, tee: int | None) -> None:
    kind = BodyKind.TD10 if tee == TEE_TDX and version != _V3 else BodyKind.SGX
    if version == _V5:
        number = walk.take("body type", -2)
        walk.take("size of the body", -4)
        if number not in set(BodyKind):
            raise Malformed(f"quote has a body of kind {number}, which does not exist")
        kind = BodyKind(number)
    if kind is BodyKind.SGX:
        walk.layout("", _SGX_BODY)
        return
    body = _TD_BODIES[kind]
    hints = get_type_hints(body)
    for field in fields(body):
        walk.take(field.name.upper(), hints[field.name].SIZE)
