"""The doctor: reads what a machine is like, and judges by a graph of small checks what will not work, and why.

Reading and judging are apart. `sensors` look, and give `Readings`; `examine` judges readings, wherever they are from.
"""

from caisson.doctor.check import Check, Finding, Purpose, Status
from caisson.doctor.checks import CHECKS, SGX_CHECKS
from caisson.doctor.examination import Outcome, Report, Result, examine
from caisson.doctor.readings import MOST_BYTES, Readings, read_readings, write_readings

__all__ = [
    "CHECKS",
    "MOST_BYTES",
    "SGX_CHECKS",
    "Check",
    "Finding",
    "Outcome",
    "Purpose",
    "Readings",
    "Report",
    "Result",
    "Status",
    "examine",
    "read_readings",
    "write_readings",
]
