"""An SNP report as machines hand it out: alone, in the driver's answer, or in what Azure puts around it.

Only the report is taken out. What stands around it is signed by nobody, and nothing of it is believed.

Sources: AMD SEV-SNP Firmware ABI Specification (56860), MSG_REPORT_RSP; `snp_report_resp` of Linux, which fills it up
with zeros; the report of Azure's paravisor, which begins with `HCLA` and says after the report of which TEE it is.
"""

import struct

from caisson.snp import Report

_ANSWER = struct.pack("<II24x", 0, Report.SIZE)
_HCL = b"HCLA"
_HEADER = 32
_TEE = slice(8, 12)
_SNP = struct.pack("<I", 2)
# The upper half of a report's version, which is zero; a quote has the type of its key there, which is not.
_UPPER = slice(2, 4)


def report_in(raw: bytes) -> bytes | None:
    """Give the bytes of the report in `raw`, which are not looked at, or `None` if there is none."""
    in_hcl = raw.startswith(_HCL)
    begins = _HEADER if in_hcl or raw.startswith(_ANSWER) else 0
    ends = begins + Report.SIZE
    report, rest = raw[begins:ends], raw[ends:]
    filled_up = not any(rest) and not any(report[_UPPER])
    fits = rest[_TEE] == _SNP if in_hcl else filled_up
    return report if fits and len(report) == Report.SIZE else None
