"""The page about advisories is whole: it names each that is known here, and every test that it names exists."""

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "advisories.md"
TEST = re.compile(r"`([\w/.]+)::(\w+)`")
VECTORS = Path(os.environ.get("CAISSON_VECTORS", ROOT.parent / "shared" / "vectors"))
SURVEY = VECTORS.parent / "reference" / "attestation.md"
ADVISORY = re.compile(r"CVE-\d{4}-\d{4,}|GHSA(?:-[0-9a-z]{4}){3}|(?:PR )?#\d{2,}|@[0-9a-f]{7}\b")
KNOWN = (
    *("CVE-2026-22696", "GHSA-796p-j2gh-9m2q", "bdf315d", "#124", "#125", "#127", "bluethroatlabs 2/6"),
    *("bluethroatlabs 5/6", "91f9a52", "af1c107", "PR #170", "intel-sgx-ra 2.3.3", "PR #132", "PR #26"),
    *("Gramine RA-TLS", "GHSA-r2h5-3hgw-8j34", "GHSA-x5r5-2qrx-rqj8", "GHSA-w7wm-2425-7p2h", "GHSA-j3rq-4xjw-xg63"),
    *("GHSA-vqv5-385r-2hf8", "GHSA-phhq-63jg-fp7r", "Sardar", "CVE-2026-33697", "GHSA-vfgg-mvxx-mgg7"),
    *("Evidence factory", "WireTap", "TEE.fail", "Milan", "no signature covers it", "extension bombs"),
)


def rows():
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if "| tried by |" not in line]


@cache
def names_in(path):
    text = (ROOT / path).read_text()
    if path.endswith(".go"):
        return frozenset(re.findall(r"^func (Test\w+)\(", text, re.MULTILINE))
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_every_advisory_is_tried_by_tests_that_exist(row):
    _, what, tried = row
    assert what
    named = TEST.findall(tried)
    assert named
    assert TEST.sub("", tried).strip(" ,") == ""
    for path, name in named:
        assert name in names_in(path), f"{path} has no {name}"


@pytest.mark.parametrize("name", KNOWN)
def test_every_advisory_that_is_known_is_on_the_page(name):
    assert name in PAGE.read_text()


@pytest.mark.skipif(not SURVEY.is_file(), reason="the survey of other verifiers is not here")
def test_every_advisory_of_the_survey_is_on_the_page():
    section = SURVEY.read_text().partition("### 1.4")[2].partition("\n## ")[0]
    named = {name.removeprefix("@") for name in ADVISORY.findall(section)}
    assert len(named) > 10
    assert {name for name in named if name not in PAGE.read_text()} == set()
