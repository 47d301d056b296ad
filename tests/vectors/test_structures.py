"""Real quotes and reports, read and written back; the numbers are those of the vectors' own manifest."""

import json
import os
from pathlib import Path

import pytest

from caisson.sgx import BodyKind, Quote4, TdBodyBytes, parse_quote
from caisson.snp import Report
from caisson.tdx import TdFlags, parse_td_body

EVIDENCE = Path(os.environ.get("CAISSON_VECTORS", Path(__file__).parents[3] / "shared" / "vectors")) / "evidence"
MANIFEST = json.loads((EVIDENCE / "MANIFEST.json").read_bytes()) if EVIDENCE.is_dir() else {}
KINDS = {"sgx": BodyKind.SGX, "td10": BodyKind.TD10, "td15": BodyKind.TD15}

pytestmark = pytest.mark.skipif(not MANIFEST, reason="the evidence vectors are not here; CAISSON_VECTORS says where")


def vectors(section):
    return [pytest.param(vector, id=vector["id"]) for vector in MANIFEST.get(section, [])]


def read(vector):
    return (EVIDENCE / vector["id"] / vector["file"]).read_bytes()


@pytest.mark.parametrize("vector", vectors("quotes"))
def test_a_real_quote_is_written_as_it_was_read(vector):
    raw = read(vector)
    quote = parse_quote(raw)
    assert quote.encode() == raw
    assert quote.header.version == vector["quote_version"]
    assert quote.signature.certification.kind == vector["cert_data_type"]
    kind = quote.kind if isinstance(quote, Quote4) else BodyKind.SGX
    assert kind is KINDS[vector["body_type"]]


@pytest.mark.parametrize("vector", [case for case in vectors("quotes") if case.values[0]["tee"] == "TDX"])
def test_a_real_trust_domain_is_what_the_manifest_says(vector):
    quote = parse_quote(read(vector))
    assert isinstance(quote.body, TdBodyBytes)
    body = parse_td_body(quote.body.raw)
    assert body.encode() == quote.body.raw
    assert bool(body.td_attributes.flags & TdFlags.DEBUG) is vector["debug"]
    for name in ("mr_td", "tee_tcb_svn", "td_attributes", "xfam", "mr_signer_seam", "report_data"):
        assert str(getattr(body, name)) == vector["structure"][name], name


@pytest.mark.parametrize("vector", vectors("snp_reports"))
def test_a_real_report_is_written_as_it_was_read(vector):
    raw, structure = read(vector), vector["structure"]
    report = Report.parse(raw)
    assert report.encode() == raw
    assert (report.version, report.guest_svn, report.vmpl) == (
        structure["version"],
        structure["guest_svn"],
        structure["vmpl"],
    )
    assert hex(report.policy.bits) == structure["policy"]
    assert report.policy.well_formed
    assert report.policy.debug is structure["policy_bits"]["debug"]
    assert report.key_info.signing_key.name == structure["key_info"]["signing_key"]
    for name in ("report_data", "measurement", "host_data", "chip_id", "reported_tcb", "committed_tcb", "launch_tcb"):
        assert str(getattr(report, name)) == structure[name], name
    if report.cpuid is not None:
        assert report.cpuid.product.value == vector["product"]
