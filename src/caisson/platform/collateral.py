"""TCB info and QE identity: the exact text that is signed, with members in Intel's order and without white space.

Source: Intel PCS API v4, appendix A (TCB info, version 3) and appendix B (enclave identity, version 2).
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from caisson.platform.machine import Machine
from caisson.platform.standing import Standing, TcbStatus
from caisson.sgx import Attributes, Flags, ReportBody

_TCB_INFO_VERSION = 3
_QE_IDENTITY_VERSION = 2
_MAX_SVN = 0xFF
# Every flag counts but MODE64BIT, and no processor state, as in Intel's identities.
_ATTRIBUTE_MASK = Attributes(flags=0xFFFF_FFFF_FFFF_FFFF & ~int(Flags.MODE64BIT), xfrm=0)
_YEAR = timedelta(days=365)


def tcb_info(machine: Machine, standing: Standing, *, issued: datetime) -> str:
    """The TCB info of the machine's FMSPC: a newer level if the machine is superseded, its own, and an older one."""
    components = list(machine.cpu_svn.value)
    own = _level(components, machine.pce_svn, standing.tcb_status, standing.tcb_date, standing.advisories)
    levels = [own]
    if standing.tcb_status.superseded:
        newer = [min(components[0] + 1, _MAX_SVN), *components[1:]]
        levels.insert(0, _level(newer, machine.pce_svn + 1, TcbStatus.UP_TO_DATE, standing.tcb_date + _YEAR, ()))
    levels.append(_level([0] * len(components), 0, TcbStatus.OUT_OF_DATE, standing.tcb_date - _YEAR, ()))
    return _text(
        {
            "id": "SGX",
            "version": _TCB_INFO_VERSION,
            "issueDate": _time(issued),
            "nextUpdate": _time(issued + standing.lifetime),
            "fmspc": machine.fmspc.hex().upper(),
            "pceId": machine.pce_id.hex().upper(),
            "tcbType": 0,
            "tcbEvaluationDataNumber": standing.evaluation_number,
            "tcbLevels": levels,
        }
    )


def qe_identity(qe: ReportBody, standing: Standing, *, issued: datetime) -> str:
    """The identity of the quoting enclave `qe`, whose own level has the status that `standing` gives it."""
    own: dict[str, Any] = {
        "tcb": {"isvsvn": qe.isv_svn},
        "tcbDate": _time(standing.tcb_date),
        "tcbStatus": standing.qe_status.value,
    }
    if standing.qe_advisories:
        own["advisoryIDs"] = list(standing.qe_advisories)
    levels = [own]
    if standing.qe_status.superseded:
        newer = {"tcb": {"isvsvn": qe.isv_svn + 1}, "tcbDate": _time(standing.tcb_date + _YEAR)}
        levels.insert(0, {**newer, "tcbStatus": TcbStatus.UP_TO_DATE.value})
    return _text(
        {
            "id": "QE",
            "version": _QE_IDENTITY_VERSION,
            "issueDate": _time(issued),
            "nextUpdate": _time(issued + standing.lifetime),
            "tcbEvaluationDataNumber": standing.evaluation_number,
            "miscselect": f"{qe.misc_select:08X}",
            "miscselectMask": "FFFFFFFF",
            "attributes": qe.attributes.masked(_ATTRIBUTE_MASK).encode().hex().upper(),
            "attributesMask": _ATTRIBUTE_MASK.encode().hex().upper(),
            "mrsigner": qe.mr_signer.value.hex().upper(),
            "isvprodid": qe.isv_prod_id,
            "tcbLevels": levels,
        }
    )


def _level(
    components: list[int], pce_svn: int, status: TcbStatus, date: datetime, advisories: tuple[str, ...]
) -> dict[str, Any]:
    level: dict[str, Any] = {
        "tcb": {"sgxtcbcomponents": [{"svn": svn} for svn in components], "pcesvn": pce_svn},
        "tcbDate": _time(date),
        "tcbStatus": status.value,
    }
    if advisories:
        level["advisoryIDs"] = list(advisories)
    return level


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
