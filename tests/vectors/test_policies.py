"""Policies about real evidence, through the command: one that names just this, and that with one thing changed."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caisson.cli.app import run
from caisson.protocol import ActivationEvidence

EVIDENCE = Path(os.environ.get("CAISSON_VECTORS", Path(__file__).parents[3] / "shared" / "vectors")) / "evidence"
TD = EVIDENCE / "google-go-tdx-guest" / "tdx_v5_quote_v5_sample_cf77a6"
SNP = EVIDENCE / "coco-trustee" / "snp_v3_evidence-genoa_227a64"
MANIFEST = json.loads((EVIDENCE / "MANIFEST.json").read_bytes()) if EVIDENCE.is_dir() else {}

pytestmark = pytest.mark.skipif(not MANIFEST, reason="the evidence vectors are not here; CAISSON_VECTORS says where")


@pytest.fixture
def verify(tmp_path, capsys):
    """Ask the command about evidence under a policy; give its exit code and its words."""

    def ask(arguments, policy):
        path = tmp_path / "policy.json"
        path.write_text(json.dumps(policy))
        code = run(["evidence", "verify", *map(str, arguments), "--policy", str(path), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


@pytest.fixture
def td():
    (quote,) = (each for each in MANIFEST["quotes"] if TD.name in each["id"])
    bundle, structure = quote["bundles"][0], quote["structure"]
    at = datetime.fromtimestamp(bundle["time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    policy = {
        "version": 2,
        "tee": "tdx",
        "roots": ["intel-sgx"],
        "tcb_statuses": ["UpToDate"],
        "advisories": [],
        "allow_debug": False,
        "minimum_tcb_evaluation_data_number": 18,
        "maximum_collateral_age_days": 60,
        "platforms": [f"fmspc:{quote['fmspc']}"],
        "report_data": [structure["report_data"]],
        "modules": "any",
        "required_attributes": ["SEPT_VE_DISABLE"],
        "allowed_attributes": [],
        "allowed_xfam": structure["xfam"],
        "service_domains": [],
        "domains": [{"mrtd": structure["mr_td"]}],
    }
    return [TD / "quote.bin", "--collateral", TD / bundle["collateral"], "--at", at], policy


@pytest.fixture
def snp():
    (report,) = (each for each in MANIFEST["snp_reports"] if SNP.name in each["id"])
    structure = report["structure"]
    policy = {
        "version": 2,
        "tee": "sev-snp",
        "roots": ["amd-genoa"],
        "signing_keys": ["VCEK"],
        "csp_ids": [],
        "require_revocation_list": False,
        "allow_debug": False,
        "allow_migration": False,
        "allow_smt": True,
        "allow_provisional_firmware": False,
        "required_policy": [],
        "required_platform": ["ECC_EN"],
        "vmpls": [0],
        "chips": [structure["chip_id"]],
        "minimum_tcb": {"genoa": {"bootloader": 10, "tee": 0, "snp": 23, "microcode": 84}},
        "report_data": [structure["report_data"]],
        "guests": [{"measurement": structure["measurement"], "host_data": structure["host_data"]}],
    }
    chain = ["--chain", SNP / "ask.pem", "--chain", SNP / "ark.pem"]
    return [SNP / "report.bin", "--vcek", SNP / "vcek.der", *chain, "--at", "2026-01-01T00:00:00Z"], policy


def test_a_real_trust_domain_is_accepted_by_a_policy_that_names_it(verify, td):
    code, found = verify(*td)
    assert (code, found["genuine"], found["reasons"]) == (0, True, [])
    assert found["tcb_status"] == "UpToDate"


@pytest.mark.parametrize(
    "change",
    [
        {"domains": [{"mrtd": "00" * 48}]},
        {"report_data": ["00" * 64]},
        {"minimum_tcb_evaluation_data_number": 99},
        {"maximum_collateral_age_days": 0},
        {"platforms": ["fmspc:000000000000"]},
        {"required_attributes": ["SEPT_VE_DISABLE", "PKS"]},
        {"allowed_xfam": "00" * 8},
        {"modules": ["00" * 48]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_real_trust_domain_is_refused_for_the_one_thing_that_differs(verify, td, change):
    arguments, policy = td
    code, found = verify(arguments, policy | change)
    assert (code, found["genuine"], len(found["reasons"])) == (1, True, 1)


def test_a_real_guest_is_accepted_by_a_policy_that_names_it(verify, snp):
    code, found = verify(*snp)
    assert (code, found["genuine"], found["reasons"]) == (0, True, [])


@pytest.mark.parametrize(
    "change",
    [
        {"guests": [{"measurement": "00" * 48}]},
        {"minimum_tcb": {"genoa": {"bootloader": 10, "tee": 0, "snp": 24, "microcode": 84}}},
        {"minimum_tcb": {}},
        {"chips": []},
        {"vmpls": [1, 2, 3]},
        {"allow_smt": False},
        {"require_revocation_list": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_real_guest_is_refused_for_the_one_thing_that_differs(verify, snp, change):
    arguments, policy = snp
    code, found = verify(arguments, policy | change)
    assert (code, found["genuine"], len(found["reasons"])) == (1, True, 1)


def test_what_comes_with_a_trust_domains_quote_is_not_taken_on_trust(td, tmp_path, capsys):
    """Activation evidence binds more than a quote; that is checked for enclaves only."""
    (quote, *options), policy = td
    activation, path = tmp_path / "activation.json", tmp_path / "policy.json"
    activation.write_bytes(ActivationEvidence(quote=quote.read_bytes(), runtime_data=b"{}").encode())
    path.write_text(json.dumps(policy))
    assert run(["evidence", "verify", str(activation), *map(str, options), "--policy", str(path)]) == 2
    assert "for SGX only" in capsys.readouterr().err


def test_a_policy_for_another_tee_is_a_mistake_of_use(td, snp, tmp_path):
    path = tmp_path / "policy.json"
    for arguments, policy in ((td[0], snp[1]), (snp[0], td[1])):
        path.write_text(json.dumps(policy))
        assert run(["evidence", "verify", *map(str, arguments), "--policy", str(path)]) in {1, 2}
