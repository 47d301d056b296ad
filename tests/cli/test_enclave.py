"""`caisson enclave`: the plumbing by which outsiders check us."""

import json
from pathlib import Path

import pytest

from caisson.cli.app import run
from caisson.cli.files import WHOLE

MEASUREMENT = Path(__file__).parents[1] / "vectors" / "measurement"
CASE = MEASUREMENT / "case-08"
FILES = ["--pal", str(CASE / "libpal.so"), "--manifest", str(CASE / "app.manifest.sgx")]
EXPECTED = json.loads((CASE / "expected.json").read_bytes())["sigstruct"]


@pytest.fixture
def sign():
    def run_sign(*more, key=MEASUREMENT / "signing-key.pem", date="0000-00-00"):
        return run(["enclave", "sign", *FILES, "--key", str(key), "--date", date, *more])

    return run_sign


def test_measure_prints_the_mrenclave(capsys):
    assert run(["enclave", "measure", *FILES]) == 0
    assert capsys.readouterr() == (f"{EXPECTED['mr_enclave']}\n", "")


def test_measure_prints_json(capsys):
    assert run(["enclave", "measure", *FILES, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "mrenclave": EXPECTED["mr_enclave"]}


def test_sign_writes_what_gramine_writes(sign, tmp_path, capsys):
    path = tmp_path / "app.sig"
    assert sign("--output", str(path)) == 0
    assert path.read_bytes() == (CASE / "app.sig").read_bytes()
    assert capsys.readouterr() == (
        f"mrenclave {EXPECTED['mr_enclave']}\nmrsigner {EXPECTED['mr_signer']}\n",
        "",
    )


def test_a_sigstruct_is_not_overwritten(sign, tmp_path, capsys):
    path = tmp_path / "app.sig"
    path.write_text("old")
    assert sign("--output", str(path)) == 2
    assert capsys.readouterr().err == f"error: `{path}` exists\nhint: use `--force` to overwrite it\n"
    assert path.read_text() == "old"
    assert sign("--output", str(path), "--force") == 0
    assert path.read_bytes() == (CASE / "app.sig").read_bytes()


def test_a_wrong_date_is_a_mistake_of_the_caller(sign, tmp_path, capsys):
    path = tmp_path / "app.sig"
    assert sign("--output", str(path), date="2026-02-30") == 2
    assert capsys.readouterr().err == (
        "error: not a date: '2026-02-30'\nhint: write `YYYY-MM-DD`, or `0000-00-00` for none\n"
    )
    assert not path.exists()


def test_what_is_no_pal_is_rejected(tmp_path, capsys):
    path = tmp_path / "pal"
    path.write_bytes(bytes(100))
    assert run(["enclave", "measure", "--pal", str(path), *FILES[2:]]) == 1
    assert capsys.readouterr() == (
        "",
        f"error: PAL is not a 64-bit little-endian ELF file\nhint: {WHOLE}\n",
    )


def test_an_enclave_that_is_too_small_is_rejected_with_a_hint(tmp_path, capsys):
    path = tmp_path / "manifest"
    path.write_text('[sgx]\nenclave_size = "1M"\n')
    assert run(["enclave", "measure", *FILES[:2], "--manifest", str(path)]) == 1
    assert capsys.readouterr().err == (
        "error: enclave is not large enough for its manifest, threads and PAL\n"
        "hint: raise `sgx.enclave_size` or lower `sgx.max_threads`\n"
    )


def test_a_missing_file_is_a_mistake_of_the_caller(capsys):
    assert run(["enclave", "measure", "--pal", "/nowhere", *FILES[2:]]) == 2
    assert capsys.readouterr().err == (
        "error: invalid value for `--pal`: `/nowhere`: No such file or directory\n"
        "hint: try `caisson enclave measure --help`\n"
    )
