"""`caisson evidence verify`: yes, no, usage and no verdict, for people and for programs."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caisson.cli.app import run
from caisson.errors import Unavailable
from caisson.evidence import EVIDENCE_FORMS, PcsClient
from caisson.protocol import ServerKeyHash
from tests.guest import launch, lay_out_evidence, make_platform, policy

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = ("--at", "2026-11-23T12:00:00Z")


@pytest.fixture(scope="module")
def platform():
    return make_platform(NOW.timestamp())


@dataclass
class World:
    directory: Path
    capsys: pytest.CaptureFixture

    def file(self, name):
        return str(self.directory / name)

    def __call__(self, name, *arguments):
        code = run(["evidence", "verify", self.file(name), *arguments])
        return code, *self.capsys.readouterr()

    def json(self, name, *arguments):
        code, out, _ = self(name, *arguments, "--json")
        return code, json.loads(out)


@pytest.fixture
def verify(platform, tmp_path, capsys):
    lay_out_evidence(platform, tmp_path)
    (tmp_path / "policy").write_text(policy(platform, launch(platform), ServerKeyHash(b"S" * 32)))
    return World(tmp_path, capsys)


@pytest.fixture
def held(verify):
    return ("--policy", verify.file("policy"), "--collateral", verify.file("collateral"), *AT)


@pytest.fixture
def genuine(verify):
    return ("--genuine-only", "--root", verify.file("root"), "--collateral", verify.file("collateral"), *AT)


def test_what_the_policy_accepts_is_a_yes(verify, held):
    code, out, err = verify("quote", *held)
    assert (code, err) == (0, "")
    assert out.startswith("accepted: it is genuine, and what the policy asks for\n  what runs     MRENCLAVE ")
    code, said = verify.json("quote", *held)
    assert (code, said["version"], said["genuine"], said["accepted"], said["reasons"]) == (0, 1, True, True, [])
    assert (said["tcb_status"], said["advisory_ids"], said["debug"]) == ("UpToDate", [], False)


def test_what_it_does_not_accept_is_a_no_with_every_reason(verify, held):
    code, out, err = verify("debug", *held)
    assert code == 1
    assert "  wrong         enclave is a debug enclave" in out
    assert err == (
        "error: the policy does not accept it, for one reason\n"
        "hint: `caisson policy explain FILE` says what the policy accepts\n"
    )
    code, said = verify.json("debug", *held)
    assert (code, said["genuine"], said["accepted"], said["debug"]) == (1, True, False, True)


def test_genuine_is_enough_where_no_policy_is_asked(verify, genuine):
    for name in ("quote", "debug"):
        code, said = verify.json(name, *genuine)
        assert (code, said["genuine"], said["accepted"]) == (0, True, None)


@pytest.mark.parametrize("name", ["forged", "collateral", "policy"])
def test_what_is_not_genuine_is_a_no_with_the_same_members(verify, genuine, name):
    code, said = verify.json(name, *genuine)
    assert (code, said["genuine"], said["tcb_status"], said["advisory_ids"], said["debug"]) == (
        1,
        False,
        None,
        [],
        None,
    )
    assert said["reasons"]


def test_only_the_vendors_roots_count_by_themselves(verify):
    code, said = verify.json("quote", "--genuine-only", "--collateral", verify.file("collateral"), *AT)
    assert (code, said["genuine"]) == (1, False)


def test_the_clock_is_asked(verify, genuine):
    code, said = verify.json("quote", *genuine[:-1], "2027-11-23T12:00:00Z")
    assert (code, "was valid until" in said["reasons"][0]) == (1, True)


def test_collateral_that_is_none_is_a_no(verify, genuine):
    (verify.directory / "collateral").write_text("{}")
    code, said = verify.json("quote", *genuine)
    assert (code, said["genuine"]) == (1, False)


def test_a_service_that_does_not_answer_is_no_verdict(verify, monkeypatch):
    def down(_self, _quote):
        raise Unavailable("down")

    monkeypatch.setattr(PcsClient, "collateral_of", down)
    code, out, _ = verify("quote", "--genuine-only", "--pcs", "http://pcs.test", *AT)
    assert (code, out) == (3, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "what is acceptable"),
        (["--genuine-only", "--policy", "policy"], "what is acceptable"),
        (["--policy", "policy", "--root", "root"], "names its roots itself"),
        (["--genuine-only"], "nobody says where the platform's collateral is"),
        (["--policy", "root"], "`root`: policy is not TOML"),
        (["--genuine-only", "--collateral", "collateral", "--pcs", "http://pcs.test"], "comes from one place"),
        (["--genuine-only", "--collateral", "collateral", "--crl", "root"], "are for SNP reports, and"),
        (["--genuine-only", "--collateral", "collateral", "--tcb-update", "early"], "none says which"),
        (["--genuine-only", "--collateral", "."], "collateral for a quote is a file, and `.` is a directory"),
    ],
)
def test_questions_that_make_no_sense_are_not_answered(verify, monkeypatch, arguments, words):
    monkeypatch.chdir(verify.directory)
    code, out, err = verify("quote", *arguments)
    assert (code, out, words in err) == (2, "", True)


def test_a_report_needs_its_certificates(verify):
    (verify.directory / "report").write_bytes(b"\3".ljust(1184, b"\0"))
    code, _, err = verify("report", "--genuine-only")
    assert (code, "--vcek" in err) == (2, True)
    code, _, err = verify("report", "--genuine-only", "--pcs", "http://pcs.test")
    assert (code, "`--pcs` is for quotes, and the evidence is an SNP report" in err) == (2, True)
    code, _, err = verify("report", "--genuine-only", "--collateral", verify.file("collateral"))
    assert (code, "collateral for an SNP report is a directory" in err) == (2, True)
    code, _, err = verify("report", "--genuine-only", "--collateral", str(verify.directory))
    assert (code, err.splitlines()[1]) == (
        2,
        "hint: such a directory holds `vek.der`, `chain.pem` and perhaps `crl.der`",
    )


@pytest.mark.parametrize(
    ("write", "wrong", "hint"),
    [
        (lambda raw: raw.hex().encode(), "in hexadecimal digits", "`xxd -r -p` gives the bytes"),
        (lambda raw: b"0x" + raw.hex(" ", 32).encode() + b"\n", "in hexadecimal digits", "`xxd -r -p` gives the bytes"),
        (base64.encodebytes, "in base64 by its letters", "`base64 -d` gives the bytes"),
        (lambda _raw: b"Hello, world!", "neither PEM nor JSON", EVIDENCE_FORMS),
    ],
)
def test_text_that_stands_for_bytes_is_told_as_such(verify, genuine, write, wrong, hint):
    quote = verify.directory / "quote"
    quote.write_bytes(write(quote.read_bytes()))
    code, _, err = verify("quote", *genuine)
    assert (code, err) == (1, f"error: `{quote}`: evidence is text, {wrong}\nhint: {hint}\n")


def test_real_evidence_gets_the_verdicts_on_which_others_agree(vectors, tmp_path, capsys):
    """Every SGX quote and SNP report that is there, through the command as it is typed."""
    evidence = vectors / "evidence"
    manifest = json.loads((evidence / "MANIFEST.json").read_bytes())
    seen = 0
    for entry in manifest["quotes"]:
        for bundle in entry["bundles"] if entry["tee"] == "SGX" else []:
            expected = bundle["expected"]
            at = datetime.fromtimestamp(bundle["time"], UTC).isoformat()
            files = [str(evidence / entry["id"] / name) for name in (entry["file"], bundle["collateral"])]
            arguments = ["--collateral", files[1], "--at", at, "--genuine-only", "--json"]
            code = run(["evidence", "verify", files[0], *arguments])
            said = json.loads(capsys.readouterr().out)
            assert (code == 0) == said["genuine"] == expected["signatures_valid"], entry["id"]
            assert said["tcb_status"] == expected["tcb_status"], entry["id"]
            assert said["advisory_ids"] == sorted(expected["advisory_ids"]), entry["id"]
            seen += 1
    for entry in manifest["snp_reports"]:
        directory = evidence / entry["id"]
        vek = next((path for path in (directory / "vcek.der", directory / "vlek.der") if path.exists()), None)
        if vek is None or not (directory / "ask.pem").exists():
            continue
        chain = [part for name in ("ask.pem", "ark.pem") for part in ("--chain", str(directory / name))]
        arguments = ["--vcek", str(vek), *chain, "--at", "2025-10-01T00:00:00Z", "--genuine-only", "--json"]
        assert run(["evidence", "verify", str(directory / entry["file"]), *arguments]) in (0, 1)
        said = json.loads(capsys.readouterr().out)
        assert said["tee"] == ("sev-snp" if said["genuine"] else None)
        (tmp_path / "vek.der").write_bytes(vek.read_bytes())
        (tmp_path / "chain.pem").write_bytes(
            (directory / "ask.pem").read_bytes() + (directory / "ark.pem").read_bytes()
        )
        run(["evidence", "verify", str(directory / entry["file"]), "--collateral", str(tmp_path), *arguments[-4:]])
        assert json.loads(capsys.readouterr().out) == said
        seen += 1
    assert seen > 20


def test_what_is_too_old_now_can_be_judged_as_of_its_own_time(verify, genuine):
    code, _, err = verify("quote", *genuine[:-1], "2027-11-23T12:00:00Z")
    assert (code, err.splitlines()[-1]) == (
        1,
        "hint: fetch fresh collateral, and check the clock; `--at` judges stored evidence as of its own time",
    )


def test_a_file_that_is_something_else_is_named_with_what_it_should_be(verify, genuine):
    for content in (b"", bytes((1 << 20) + 1)):
        (verify.directory / "quote").write_bytes(content)
        code, _, err = verify("quote", *genuine)
        assert code == 1
        wrong, hint = err.splitlines()
        assert wrong.startswith(
            f"error: `{verify.file('quote')}`: evidence has {len(content)} bytes, which is nothing, or"
        )
        assert hint == f"hint: {EVIDENCE_FORMS}"


def test_collateral_that_is_none_is_named(verify, genuine):
    (verify.directory / "collateral").write_text("{")
    code, _, err = verify("quote", *genuine)
    assert (code, err.splitlines()[0].startswith(f"error: `{verify.file('collateral')}`: collateral is no")) == (
        1,
        True,
    )
    assert err.endswith("hint: make it with `caisson collateral fetch`\n")
