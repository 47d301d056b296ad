"""SEV-SNP reports: what is read is written as the same bytes, and every byte has a name; raw, and signed anew."""

from caisson.evidence import report_anatomy
from caisson.evidence.snp import verify_snp
from caisson.snp import Product, Report
from tests.fuzz.evidence import AMD, each, real

CASES = [AMD.case(product.value, kind) for product in Product for kind in ("VCEK", "VLEK")]


def check(raw):
    each(lambda: _named(raw), lambda: _again(raw), *(lambda case=case: _genuine(raw, case) for case in CASES))


def _again(raw):
    report = Report.parse(raw)
    assert report.encode() == raw
    each(*(lambda product=product: report.reported_tcb.components(product) for product in Product))
    assert report.signed_bytes == raw[: len(report.signed_bytes)]


def _genuine(raw, case):
    """Whatever the chip says is genuine if it fits to the certificate."""
    signed = AMD.signed(Report.parse(raw))
    verified = verify_snp(signed, case.vek, case.chain, roots=case.roots, at=case.at)
    assert verified.report.encode() == signed


def _named(raw):
    assert b"".join(part.raw for part in report_anatomy(raw)) == raw


def extra_seeds():
    blank = bytearray(Report.SIZE)
    versions = [bytes((version,)) + bytes(blank[1:]) for version in range(2, 6)]
    good = [case.report for case in CASES]
    return [*good, *versions, *(raw for raw in real("*/snp*/*.bin", "*/snp*/report*") if len(raw) == Report.SIZE)]
