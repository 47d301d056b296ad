"""TCB info: what Intel thinks of each security version of one kind of platform.

Sources: Intel PCS API version 4, "Get SGX TCB Info" and "Get TDX TCB Info", appendices "TCB Info" (versions 2 and 3);
the matching rules are those of "TCB Level Selection" there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter, ge
from typing import NamedTuple

from caisson.errors import Malformed, TcbInfoRejected
from caisson.evidence.intel.pck import Fmspc, PceId, Pck
from caisson.evidence.intel.tcb_status import NOT_SUPPORTED, TcbVerdict
from caisson.evidence.intel.tdx.module import TdxModules
from caisson.evidence.signed_json import Fields
from caisson.evidence.validity import Validity
from caisson.sgx import CpuSvn

SGX, TDX = "SGX", "TDX"

_COMPONENTS = CpuSvn.SIZE
_MOST_SVN = 0xFF
_MOST_PCESVN = 0xFFFF
_MOST_LEVELS = 256
MOST_EVALUATION_NUMBER = 0xFFFF_FFFF
_WITHOUT_ID, _WITH_ID = 2, 3
_height = attrgetter("components", "pce_svn", "tdx_components")


class TcbLevel(NamedTuple):
    """The lowest security versions, of 16 components and the PCE, to which a verdict applies.

    `tdx_components` are 16 more, of the TDX module and what loads it; there are none in TCB infos for SGX.
    """

    components: bytes
    pce_svn: int
    tdx_components: bytes
    verdict: TcbVerdict

    def covers(self, pck: Pck) -> bool:
        """Whether the platform has at least these versions, each of them."""
        return pck.pce_svn >= self.pce_svn and all(map(ge, pck.cpu_svn.value, self.components))


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbInfo:
    """The TCB info of one FMSPC, its levels from the highest to the lowest; `modules` is there for TDX only."""

    fmspc: Fmspc
    pce_id: PceId
    evaluation_data_number: int
    validity: Validity
    levels: tuple[TcbLevel, ...]
    modules: TdxModules | None

    @classmethod
    def parse(cls, signed: bytes, *, tee: str) -> "TcbInfo":
        """Read the exact bytes whose signature was checked; `tee` is what they shall be for, `SGX` or `TDX`.

        Raises:
            Malformed: not TCB info.
            TcbInfoRejected: of another version or for another kind of evidence.
        """
        info = Fields.parse(signed, what="TCB info")
        version = info.integer("version", most=_MOST_SVN)
        if version not in (_WITHOUT_ID, _WITH_ID):
            raise TcbInfoRejected(f"TCB info has version {version}, not 2 or 3")
        identity = info.text("id") if version == _WITH_ID else SGX
        if identity != tee:
            raise TcbInfoRejected(
                f"TCB info is for {identity[:40]!r}, not for {tee}",
                hint="fetch the collateral that belongs to this quote",
            )
        if ("tdxModule" in info.value) != (tee == TDX):
            raise TcbInfoRejected(f"TCB info for {tee} {'lacks' if tee == TDX else 'has'} `tdxModule`")
        if (kind := info.integer("tcbType", most=_MOST_SVN)) != 0:
            raise TcbInfoRejected(f"TCB info has levels of type {kind}, not 0")
        read = _components if version == _WITH_ID else _flat_components
        levels = [_level(level, read, tee=tee) for level in info.members("tcbLevels")]
        if not 0 < len(levels) <= _MOST_LEVELS:
            raise Malformed(f"TCB info has {len(levels)} levels, not 1 to {_MOST_LEVELS}")
        return cls(
            fmspc=Fmspc(info.octets("fmspc", size=Fmspc.SIZE)),
            pce_id=PceId(info.octets("pceId", size=PceId.SIZE)),
            evaluation_data_number=info.integer("tcbEvaluationDataNumber", most=MOST_EVALUATION_NUMBER),
            validity=Validity(what="TCB info", begins=info.moment("issueDate"), ends=info.moment("nextUpdate")),
            # Nothing promises the order in which levels are listed; the search below relies on it.
            levels=tuple(sorted(levels, key=_height, reverse=True)),
            modules=TdxModules.parse(info) if tee == TDX else None,
        )

    def verdict(self, pck: Pck) -> TcbVerdict:
        """Give the verdict of the highest level that covers the platform."""
        return next((level.verdict for level in self.levels if level.covers(pck)), NOT_SUPPORTED)


def _level(level: Fields, read: Callable[[Fields], bytes], *, tee: str) -> TcbLevel:
    tcb = level.member("tcb")
    return TcbLevel(
        components=read(tcb),
        pce_svn=tcb.integer("pcesvn", most=_MOST_PCESVN),
        tdx_components=_components(tcb, "tdxtcbcomponents") if tee == TDX else b"",
        verdict=TcbVerdict.parse(level),
    )


def _components(tcb: Fields, name: str = "sgxtcbcomponents") -> bytes:
    svns = tcb.column(name, "svn")
    if len(svns) != _COMPONENTS:
        raise Malformed(f"{tcb.what} has {len(svns)} entries in `{name}`, not {_COMPONENTS}")
    return svns


def _flat_components(tcb: Fields) -> bytes:
    return bytes(tcb.integer(f"sgxtcbcomp{number:02}svn", most=_MOST_SVN) for number in range(1, _COMPONENTS + 1))
