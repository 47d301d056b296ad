"""TCB info: what Intel thinks of each security version of one kind of platform.

Sources: Intel PCS API version 4, "Get SGX TCB Info", appendices "SGX TCB Info" (versions 2 and 3);
the matching rules are those of "TCB Level Selection" there.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from caisson.errors import Malformed, TcbInfoRejected
from caisson.evidence.pck import Fmspc, PceId, Pck
from caisson.evidence.signed_json import Fields
from caisson.evidence.validity import Validity
from caisson.sgx import CpuSvn

_COMPONENTS = CpuSvn.SIZE
_MOST_SVN = 0xFF
_MOST_PCESVN = 0xFFFF
_MOST_LEVELS = 256
MOST_EVALUATION_NUMBER = 0xFFFF_FFFF
_WITHOUT_ID, _WITH_ID = 2, 3


class TcbStatus(StrEnum):
    """What is known about the security version of a platform, in Intel's words.

    `NOT_SUPPORTED` says that no level of the TCB info is as low as the platform. It and `REVOKED` can
    not be named in a policy.
    """

    UP_TO_DATE = "UpToDate"
    SW_HARDENING_NEEDED = "SWHardeningNeeded"
    CONFIGURATION_NEEDED = "ConfigurationNeeded"
    CONFIGURATION_AND_SW_HARDENING_NEEDED = "ConfigurationAndSWHardeningNeeded"
    OUT_OF_DATE = "OutOfDate"
    OUT_OF_DATE_CONFIGURATION_NEEDED = "OutOfDateConfigurationNeeded"
    REVOKED = "Revoked"
    NOT_SUPPORTED = "TCBNotSupported"


_NEEDS_CONFIGURATION = frozenset(
    {
        TcbStatus.CONFIGURATION_NEEDED,
        TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED,
        TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED,
    }
)
_PUBLISHED = frozenset(TcbStatus) - {TcbStatus.NOT_SUPPORTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbVerdict:
    """A status, since when that level is known, and the advisories that Intel names for it, sorted."""

    status: TcbStatus
    date: datetime | None
    advisories: tuple[str, ...]

    @classmethod
    def parse(cls, level: Fields) -> "TcbVerdict":
        """Read the verdict of one level.

        Raises:
            Malformed: a member is missing, or the status is none that Intel publishes.
        """
        name = level.text("tcbStatus")
        if name not in _PUBLISHED:
            raise Malformed(f"{level.what} has the unknown status {name[:40]!r}")
        return cls(
            status=TcbStatus(name),
            date=level.moment("tcbDate"),
            advisories=tuple(sorted(set(level.texts("advisoryIDs")))),
        )

    def converged(self, enclave: "TcbVerdict") -> "TcbVerdict":
        """Join the platform's verdict (self) with that of its quoting enclave.

        The worse status counts, the earlier date, and advisories add up.
        """
        return TcbVerdict(
            status=_converged(self.status, enclave.status),
            date=None if self.date is None or enclave.date is None else min(self.date, enclave.date),
            advisories=tuple(sorted({*self.advisories, *enclave.advisories})),
        )


NOT_SUPPORTED = TcbVerdict(status=TcbStatus.NOT_SUPPORTED, date=None, advisories=())


def _converged(platform: TcbStatus, enclave: TcbStatus) -> TcbStatus:
    if TcbStatus.REVOKED in (platform, enclave):
        return TcbStatus.REVOKED
    if platform is TcbStatus.NOT_SUPPORTED or enclave is TcbStatus.UP_TO_DATE:
        return platform
    if enclave is not TcbStatus.OUT_OF_DATE:
        # A quoting enclave is either current or not; anything else Intel does not publish, and no rule would fit.
        raise Malformed(f"quoting enclave's TCB level has the status {enclave}, which only platforms have")
    if platform in _NEEDS_CONFIGURATION:
        return TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED
    return TcbStatus.OUT_OF_DATE


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbLevel:
    """The lowest security versions, of 16 components and the PCE, to which a verdict applies."""

    components: bytes
    pce_svn: int
    verdict: TcbVerdict

    def covers(self, pck: Pck) -> bool:
        """Whether the platform has at least these versions, each of them."""
        return pck.pce_svn >= self.pce_svn and all(
            has >= wanted for has, wanted in zip(pck.cpu_svn.value, self.components, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbInfo:
    """The TCB info of one FMSPC, its levels from the highest to the lowest."""

    fmspc: Fmspc
    pce_id: PceId
    evaluation_data_number: int
    validity: Validity
    levels: tuple[TcbLevel, ...]

    @classmethod
    def parse(cls, signed: bytes) -> "TcbInfo":
        """Read the exact bytes whose signature was checked.

        Raises:
            Malformed: not TCB info.
            TcbInfoRejected: of another version or for another kind of evidence.
        """
        info = Fields.parse(signed, what="TCB info")
        version = info.integer("version", most=_MOST_SVN)
        if version not in (_WITHOUT_ID, _WITH_ID):
            raise TcbInfoRejected(f"TCB info has version {version}, not 2 or 3")
        identity = info.text("id") if version == _WITH_ID else "SGX"
        if identity != "SGX" or "tdxModule" in info.value:
            raise TcbInfoRejected(f"TCB info is for {identity[:40]!r}, not for SGX")
        if (kind := info.integer("tcbType", most=_MOST_SVN)) != 0:
            raise TcbInfoRejected(f"TCB info has levels of type {kind}, not 0")
        read = _components if version == _WITH_ID else _flat_components
        levels = [_level(level, read(level.member("tcb"))) for level in info.members("tcbLevels")]
        if not 0 < len(levels) <= _MOST_LEVELS:
            raise Malformed(f"TCB info has {len(levels)} levels, not 1 to {_MOST_LEVELS}")
        return cls(
            fmspc=Fmspc(info.octets("fmspc", size=Fmspc.SIZE)),
            pce_id=PceId(info.octets("pceId", size=PceId.SIZE)),
            evaluation_data_number=info.integer("tcbEvaluationDataNumber", most=MOST_EVALUATION_NUMBER),
            validity=Validity(what="TCB info", begins=info.moment("issueDate"), ends=info.moment("nextUpdate")),
            # Nothing promises the order in which levels are listed; the search below relies on it.
            levels=tuple(sorted(levels, key=lambda level: (level.components, level.pce_svn), reverse=True)),
        )

    def verdict(self, pck: Pck) -> TcbVerdict:
        """Give the verdict of the highest level that covers the platform."""
        return next((level.verdict for level in self.levels if level.covers(pck)), NOT_SUPPORTED)


def _level(level: Fields, components: bytes) -> TcbLevel:
    return TcbLevel(
        components=components,
        pce_svn=level.member("tcb").integer("pcesvn", most=_MOST_PCESVN),
        verdict=TcbVerdict.parse(level),
    )


def _components(tcb: Fields) -> bytes:
    svns = bytes(component.integer("svn", most=_MOST_SVN) for component in tcb.members("sgxtcbcomponents"))
    if len(svns) != _COMPONENTS:
        raise Malformed(f"{tcb.what} has {len(svns)} components, not {_COMPONENTS}")
    return svns


def _flat_components(tcb: Fields) -> bytes:
    return bytes(tcb.integer(f"sgxtcbcomp{number:02}svn", most=_MOST_SVN) for number in range(1, _COMPONENTS + 1))
