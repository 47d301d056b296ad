"""`caisson policy test`: cases that end as expected, cases that do not, and files that are none."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caisson.cli.app import run
from caisson.protocol import ServerKeyHash
from caisson.sgx import ReportData
from tests.guest import DEBUG, launch, make_platform, policy
from tests.unit.evidence.policy.test_every_tee import GOOD
from tests.unit.evidence.snp.conftest import Maker

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CASES = """\
version = 1
policy = "redis.policy.toml"

[[cases]]
name = "the released build"
evidence = "good.quote"
collateral = "collateral.json"
at = "2026-11-23T12:00:00Z"
expect = "accepted"

[[cases]]
name = "a debug build of the same"
evidence = "debug.quote"
collateral = "collateral.json"
at = "2026-11-23T12:00:00Z"
expect = "rejected"
reasons = ["debug enclave"]
"""
MORE = """
[[cases]]
name = "a quote that was changed"
evidence = "forged.quote"
collateral = "collateral.json"
at = "2026-11-23T12:00:00Z"
expect = "not-genuine"
reasons = ["not signed by its attestation key"]

[[cases]]
name = "no quote at all"
evidence = "collateral.json"
collateral = "collateral.json"
at = "2026-11-23T12:00:00Z"
expect = "not-genuine"
reasons = ["activation"]
"""


@pytest.fixture(scope="module")
def platform():
    return make_platform(NOW.timestamp())


@pytest.fixture
def world(platform, tmp_path, capsys):
    for name, enclave in (("good", launch(platform)), ("debug", launch(platform, attributes=DEBUG))):
        report = enclave.ereport(platform.quoting_enclave.target_info, ReportData(bytes(64)))
        (tmp_path / f"{name}.quote").write_bytes(platform.quote(report))
    forged = bytearray((tmp_path / "good.quote").read_bytes())
    forged[100] ^= 1
    (tmp_path / "forged.quote").write_bytes(forged)
    (tmp_path / "collateral.json").write_text(json.dumps(platform.collateral()))
    (tmp_path / "redis.policy.toml").write_text(policy(platform, launch(platform), ServerKeyHash(b"S" * 32)))

    def test(text, *options, name="redis.cases.toml"):
        (tmp_path / name).write_text(text)
        code = run(["policy", "test", str(tmp_path / name), *options])
        return code, *capsys.readouterr()

    return test


def test_all_cases_end_as_expected(world):
    code, out, err = world(CASES + MORE)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "ok      the released build",
        "ok      a debug build of the same",
        "ok      a quote that was changed",
        "ok      no quote at all",
        "",
        "4 cases, none failed",
    ]


def test_a_case_that_ends_otherwise_is_a_no(world):
    code, out, err = world(CASES.replace('expect = "accepted"', 'expect = "rejected"\nreasons = ["x"]'))
    assert code == 1
    assert out.splitlines()[:2] == [
        "FAILED  the released build",
        "          expected rejected, and it is accepted",
    ]
    assert "2 cases, 1 failed" in out
    assert err == "error: 1 of 2 cases did not end as expected\n"


def test_a_no_for_another_reason_is_told(world):
    code, out, _ = world(CASES.replace("debug enclave", "revoked"))
    assert code == 1
    assert "no reason says 'revoked'" in out
    assert "not expected: enclave is a debug enclave" in out


def test_a_directory_stands_for_the_cases_in_it(world, tmp_path, capsys):
    world(CASES)
    world(CASES.replace("debug enclave", "revoked"), name="other.cases.toml")
    assert run(["policy", "test", str(tmp_path)]) == 1
    assert "4 cases, 1 failed" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert run(["policy", "test", str(tmp_path / "empty")]) == 2
    assert "has no files that end in `.cases.toml` or `.cases.json`" in capsys.readouterr().err


def test_programs_get_json(world):
    code, out, _ = world(CASES, "--json")
    said = json.loads(out)
    assert (code, said["version"], said["passed"]) == (0, 1, True)
    assert [(case["name"], case["passed"], case["found"]) for case in said["cases"]] == [
        ("the released build", True, "accepted"),
        ("a debug build of the same", True, "rejected"),
    ]


def test_the_time_of_the_case_counts(world):
    """The evidence expires; the case does not, because it says when it was."""
    code, out, _ = world(CASES.replace("2026-11-23T12:00:00Z", "2027-11-23T12:00:00Z"))
    assert code == 1
    assert "is not-genuine: " in out


def test_snp_reports_are_cases_too(world, tmp_path):
    maker = Maker()
    case = maker.case(crl=maker.crl())
    (tmp_path / "report").write_bytes(case.report)
    (tmp_path / "vek.der").write_bytes(case.vek)
    (tmp_path / "chain.pem").write_bytes(case.chain)
    (tmp_path / "crl.der").write_bytes(case.crl)
    policy = GOOD["sev-snp"] | {"roots": [str(root) for root in case.roots], "csp_ids": []}
    (tmp_path / "snp.policy.json").write_text(json.dumps(policy))
    files = {"evidence": "report", "vek": "vek.der", "chain": "chain.pem", "at": f"{case.at:%Y-%m-%dT%H:%M:%SZ}"}
    words = ["product is Genoa", "chip is", "guest's policy lacks", "platform information lacks", "guest is none of"]
    refused = {"name": "no list", "expect": "rejected", "reasons": [*words, "no revocation list"]} | files
    listed = {"name": "a list", "expect": "rejected", "reasons": words, "crl": "crl.der"} | files
    forged = {"name": "no chain", "expect": "not-genuine", "reasons": ["chain"]} | files | {"chain": "vek.der"}
    cases = {"version": 1, "policy": "snp.policy.json", "cases": [refused, listed, forged]}
    code, out, err = world(json.dumps(cases), name="snp.cases.json")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "3 cases, none failed"


def test_an_snp_report_needs_what_is_its_own(world, tmp_path):
    report = CASES.replace('collateral = "collateral.json"', 'vek = "good.quote"\nchain = "good.quote"')
    code, _, err = world(report)
    assert code == 2
    assert "case 'the released build': a quote needs a quote's collateral" in err
    (tmp_path / "good.quote").write_bytes(b"\3".ljust(1184, b"\0"))
    code, _, err = world(CASES)
    assert (code, "case 'the released build': an SNP report needs `vek` and `chain`" in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("version = 1", 1, "lacks: `cases`, `policy`"),
        (CASES + "quick = true\n", 1, "unknown members: `quick`"),
        (CASES.replace("good.quote", "missing.quote"), 2, "cannot read"),
        (CASES.replace("redis.policy.toml", "good.quote"), 1, "policy is not TOML"),
        ("[", 1, "file of cases is not TOML"),
    ],
)
def test_what_is_no_file_of_cases_is_said(world, text, code, word):
    found, out, err = world(text)
    assert (found, out) == (code, "")
    assert word in err


def test_the_page_shows_these_cases():
    assert CASES in (Path(__file__).parents[2] / "docs" / "reference" / "policy.md").read_text()


def test_files_of_cases_are_asked_for(capsys):
    assert run(["policy", "test"]) == 2
    assert "FILES" in capsys.readouterr().err
