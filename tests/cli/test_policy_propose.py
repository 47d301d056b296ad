"""`caisson policy propose`: from genuine evidence to a policy, and from nothing else."""

import json
from datetime import UTC, datetime

import pytest

from caisson.cli.app import run
from caisson.evidence import parse_policy
from tests.guest import lay_out_evidence, make_platform

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def platform():
    return make_platform(NOW.timestamp())


@pytest.fixture
def propose(platform, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lay_out_evidence(platform, tmp_path)

    def propose(name, *options):
        held = ("--collateral", "collateral", "--root", "root", "--at", NOW.isoformat())
        code = run(["policy", "propose", name, *held, *options])
        return code, *capsys.readouterr()

    return propose


def test_what_is_proposed_accepts_what_it_was_made_of(propose, capsys):
    assert propose("quote", "--output", "my.policy.toml") == (0, "", "")
    held = ("--collateral", "collateral", "--at", NOW.isoformat())
    assert run(["evidence", "verify", "quote", *held, "--policy", "my.policy.toml"]) == 0
    assert run(["evidence", "verify", "debug", *held, "--policy", "my.policy.toml"]) == 1
    capsys.readouterr()
    assert propose("quote", "--output", "my.policy.toml")[0] == 2
    assert propose("quote", "--output", "my.policy.toml", "--force") == (0, "", "")


def test_what_is_bad_about_evidence_is_said_and_not_accepted(propose):
    code, out, err = propose("debug")
    assert (code, err.splitlines()) == (
        0,
        ["warning: it refuses this evidence: enclave is a debug enclave: its memory is open to whoever runs it"],
    )
    assert not parse_policy(out.encode()).allow_debug


def test_nothing_is_proposed_for_what_is_not_genuine(propose, tmp_path, capsys):
    assert propose("forged", "--output", "my.policy.toml")[0] == 1
    held = ("--collateral", "collateral", "--at", NOW.isoformat())
    assert run(["policy", "propose", "quote", *held, "--output", "my.policy.toml"]) == 1
    assert "which is not accepted" in capsys.readouterr().err
    assert not (tmp_path / "my.policy.toml").exists()


def test_a_report_takes_the_directory_that_was_fetched(vectors, tmp_path, capsys):
    evidence = vectors / "evidence"
    entry = next(
        each
        for each in json.loads((evidence / "MANIFEST.json").read_text())["snp_reports"]
        if all((evidence / each["id"] / name).exists() for name in ("vcek.der", "ask.pem", "ark.pem"))
    )
    directory = evidence / entry["id"]
    (tmp_path / "vek.der").write_bytes((directory / "vcek.der").read_bytes())
    (tmp_path / "chain.pem").write_bytes((directory / "ask.pem").read_bytes() + (directory / "ark.pem").read_bytes())
    held = ("--collateral", str(tmp_path), "--at", "2025-10-01")
    assert run(["policy", "propose", str(directory / "report.bin"), *held]) == 0
    out, err = capsys.readouterr()
    assert err == "warning: it refuses this evidence: no revocation list was looked at\n"
    policy = parse_policy(out.encode())
    assert str(policy.guests[0].measurement) == entry["structure"]["measurement"]
    (tmp_path / "policy.toml").write_text(out)
    assert run(["evidence", "verify", str(directory / "report.bin"), *held, "--policy", f"{tmp_path}/policy.toml"]) == 1
    assert "".join(capsys.readouterr()).count("revocation list") == 1
