"""`caisson evidence token`: only what the right verifier signed, in time, for this question."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from caisson.cli.app import run
from caisson.evidence import AttestationResult, EarSigner, TrustVector

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GOOD = AttestationResult(
    tee="sgx",
    genuine=True,
    accepted=True,
    reasons=(),
    facts={"mrenclave": "00"},
    vector=TrustVector(hardware=2, executables=3),
    policy_id="sha-256:00",
    at=NOW,
    expires=None,
)


@pytest.fixture
def check(tmp_path, capsys):
    signer = EarSigner.generate()
    (tmp_path / "keys.json").write_text(json.dumps(signer.keys()))

    def check(result=GOOD, *options, at="2026-11-23T12:01:00Z", by=signer, keys=tmp_path / "keys.json"):
        (tmp_path / "token").write_text(by.sign(result, lifetime=timedelta(minutes=5), nonce="n-0123456789") + "\n")
        code = run(["evidence", "token", str(tmp_path / "token"), "--keys", str(keys), "--at", at, *options])
        return code, *capsys.readouterr()

    return check


def test_a_good_result_is_a_yes(check):
    code, out, _ = check(GOOD, "--nonce", "n-0123456789")
    assert (code, out) == (
        0,
        "affirming, for sgx, until 2026-11-23T12:05:00+00:00\n  executables: 3\n  hardware: 2\n",
    )
    said = json.loads(check(GOOD, "--json")[1])
    assert (said["version"], said["accepted"], said["facts"]) == (1, True, {"mrenclave": "00"})


def test_a_bad_result_is_a_no_that_says_why(check):
    code, out, err = check(replace(GOOD, accepted=False, reasons=("it is another",)))
    assert (code, out.splitlines()[-1]) == (1, "  wrong: it is another")
    assert err == "error: the verifier's result is `contraindicated`\n"


def test_a_result_of_no_policy_is_no_yes(check):
    code, _, err = check(replace(GOOD, accepted=None))
    assert (code, err) == (
        1,
        "error: the verifier's result is `none`\nhint: no policy was asked: name one in the question\n",
    )


@pytest.mark.parametrize(
    ("options", "changes", "words"),
    [
        (["--nonce", "another-question"], {}, "another question"),
        ([], {"at": "2026-11-23T12:06:00Z"}, "was valid until"),
        ([], {"by": EarSigner.generate()}, "is not signed"),
    ],
)
def test_what_is_not_the_verifiers_answer_is_a_no(check, options, changes, words):
    code, out, err = check(GOOD, *options, **changes)
    assert (code, out, words in err) == (1, "", True)


def test_files_that_are_none_are_a_no(check, tmp_path):
    junk = tmp_path / "junk"
    junk.write_bytes(b"\xff")
    assert "is not a JWK set" in check(keys=junk)[2]
    assert run(["evidence", "token", str(junk), "--keys", str(tmp_path / "keys.json")]) == 1
