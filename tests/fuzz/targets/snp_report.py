"""SEV-SNP reports: what is read is written as the same bytes, and every byte has a name."""

from caisson.evidence import report_anatomy
from caisson.snp import Product, Report
from tests.fuzz.evidence import each, real


def check(raw):
    each(lambda: _named(raw), lambda: _again(raw))


def _again(raw):
    report = Report.parse(raw)
    assert report.encode() == raw
    each(*(lambda product=product: report.reported_tcb.components(product) for product in Product))
    assert report.signed_bytes == raw[: len(report.signed_bytes)]


def _named(raw):
    assert b"".join(part.raw for part in report_anatomy(raw)) == raw


def extra_seeds():
    blank = bytearray(Report.SIZE)
    versions = [bytes((version,)) + bytes(blank[1:]) for version in range(2, 6)]
    return [*versions, *(raw for raw in real("*/snp*/*.bin", "*/snp*/report*") if len(raw) == Report.SIZE)]
