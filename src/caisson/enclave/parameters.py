"""What measuring and signing need to know from a Gramine manifest, with Gramine's defaults.

Source: Gramine 1.8 and 1.9, "Manifest syntax", table `sgx`.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from caisson.enclave import toml
from caisson.enclave.table import Table
from caisson.errors import Malformed

MAX_THREADS = 4096
MAX_ENCLAVE_SIZE = 1 << 40

_SIZE = re.compile(r"(0[xX][0-9a-fA-F]{1,16}|0|[1-9][0-9]{0,18})([KMG]?)")
_SCALE = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_U16 = 0xFFFF


class Feature(Enum):
    """What an enclave says about a CPU feature: `unspecified` takes what the machine offers."""

    UNSPECIFIED = "unspecified"
    DISABLED = "disabled"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuFeatures:
    """The table `sgx.cpu_features`. MPX and PKRU may not be left to the machine."""

    avx: Feature = Feature.UNSPECIFIED
    avx512: Feature = Feature.UNSPECIFIED
    amx: Feature = Feature.UNSPECIFIED
    mpx: Feature = Feature.DISABLED
    pkru: Feature = Feature.DISABLED

    def __post_init__(self) -> None:
        if Feature.UNSPECIFIED in (self.mpx, self.pkru):
            raise Malformed(
                "manifest leaves `sgx.cpu_features.mpx` or `.pkru` unspecified",
                hint='set it to "disabled" or "required"',
            )

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table; a feature it does not name has Gramine's default.

        Raises:
            Malformed: an unknown feature or setting.
        """
        features = cls(**{name: _feature(table, name) for name in tuple(table)})
        table.finish()
        return features

    def settings(self) -> dict[str, str]:
        """Write the table, all features named."""
        return {name: getattr(self, name).value for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclaveParameters:
    """The keys of `[sgx]` that decide about layout and SIGSTRUCT. `enclave_size` is in bytes."""

    enclave_size: int
    max_threads: int
    edmm_enable: bool
    debug: bool
    use_exinfo: bool
    isvprodid: int
    isvsvn: int
    cpu_features: CpuFeatures

    @classmethod
    def parse(cls, manifest: bytes) -> Self:
        """Read any Gramine manifest; keys that have no part in measuring and signing are passed over.

        Raises:
            Malformed: not TOML, or a value that no enclave can have.
        """
        return cls.of(toml.read(manifest).get("sgx", {}))

    @classmethod
    def of(cls, sgx: Any) -> Self:
        """Read the table `sgx` of a manifest.

        Raises:
            Malformed: a value of another type, or one that no enclave can have.
        """
        table = Table(sgx, name="sgx")
        if old := [name for name in table if name.startswith("require_")]:
            raise Malformed(
                f"manifest was written for Gramine 1.7 or older: it has `sgx.{old[0]}`",
                hint="say it in `sgx.cpu_features` and `sgx.use_exinfo`, as newer versions do",
            )
        edmm_enable = table.boolean("edmm_enable", default=False)
        return cls(
            enclave_size=_enclave_size(table.text("enclave_size", default="1024G" if edmm_enable else "256M")),
            max_threads=table.integer("max_threads", default=4, least=1, most=MAX_THREADS),
            edmm_enable=edmm_enable,
            debug=table.boolean("debug", default=False),
            use_exinfo=table.boolean("use_exinfo", default=False),
            isvprodid=table.integer("isvprodid", default=0, least=0, most=_U16),
            isvsvn=table.integer("isvsvn", default=0, least=0, most=_U16),
            cpu_features=CpuFeatures.of(table.table("cpu_features", default={})),
        )


def parse_size(text: str) -> int:
    """Read a size as Gramine writes it: decimal or `0x…`, then nothing, `K`, `M` or `G` (powers of 1024).

    Raises:
        Malformed: another spelling.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise Malformed(f"manifest has a size that is none: {text[:40]!r}", hint='write it like "512M" or "0x20000000"')
    return int(match[1], 0) * _SCALE[match[2]]


def _enclave_size(text: str) -> int:
    size = parse_size(text)
    if size.bit_count() != 1:
        raise Malformed(f"manifest has `sgx.enclave_size` {text}, not a power of two", hint="ECREATE requires one")
    if size > MAX_ENCLAVE_SIZE:
        raise Malformed(f"manifest has `sgx.enclave_size` {text}, over the limit of 1024G")
    return size


def _feature(table: Table, name: str) -> Feature:
    if name not in CpuFeatures.__dataclass_fields__:
        raise Malformed(f"manifest has an unknown CPU feature: {name[:40]!r}")
    text = table.text(name)
    try:
        return Feature(text)
    except ValueError as cause:
        raise Malformed(f"manifest has `sgx.cpu_features.{name}` {text[:40]!r}, which is no setting") from cause
