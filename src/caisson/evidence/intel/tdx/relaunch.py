"""Trust domains that outlive an update: what they were launched with, and what runs below them now.

Source: Intel DCAP Quote Verification, "TD Relaunch"; TDX module ABI, TEE_TCB_SVN_2.
"""

from caisson.evidence.intel.tcb_status import NEEDS_CONFIGURATION, TcbStatus, TcbVerdict

_OUT_OF_DATE = frozenset({TcbStatus.OUT_OF_DATE, TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED})
_CURRENT = frozenset(
    {
        TcbStatus.UP_TO_DATE,
        TcbStatus.SW_HARDENING_NEEDED,
        TcbStatus.CONFIGURATION_NEEDED,
        TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED,
    }
)


def relaunched(launch: TcbVerdict, current: TcbVerdict) -> TcbVerdict:
    """Join the verdicts at launch and now.

    An update that was made below a running domain does not undo what the domain was exposed to before: it
    stays out of date until it is launched again, which is then advised. What is revoked or unknown now stays so.
    """
    if current.status in (TcbStatus.NOT_SUPPORTED, TcbStatus.REVOKED):
        return current
    if launch.status not in _OUT_OF_DATE or current.status not in _CURRENT:
        return launch
    if NEEDS_CONFIGURATION & {launch.status, current.status}:
        return launch._replace(status=TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED)
    return launch._replace(status=TcbStatus.TD_RELAUNCH_ADVISED)
