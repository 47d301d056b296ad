"""The page that walks one real quote: its numbers are those of the file, and its sentences are true."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from caisson.cli.app import run
from caisson.cli.evidence_inspect import byte_table
from caisson.evidence import quote_anatomy, report_anatomy
from caisson.sgx import Flags, parse_quote

PAGE = Path(__file__).parent.parent.parent / "docs" / "concepts" / "quote-byte-by-byte.md"


@pytest.fixture(scope="module")
def path(vectors):
    return vectors / "evidence" / "phala-dcap-qvl" / "sgx_v3_sgx_quote_f8b810" / "quote.bin"


def test_the_tables_are_what_the_command_writes(path, capsys):
    head, *rows = byte_table(quote_anatomy(path.read_bytes())).splitlines()
    written = []
    for block in re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        first, *lines = block.splitlines()
        assert first == head
        written += lines
    # The two rows before the certificates are shown in both of the last tables.
    assert list(dict.fromkeys(written)) == rows
    assert run(["evidence", "inspect", str(path), "--bytes"]) == 0
    assert capsys.readouterr().out.endswith("\n".join([head, *rows]) + "\n")


def test_the_sentences_are_true(path):
    raw = path.read_bytes()
    quote = parse_quote(raw)
    section = quote.signature
    assert len(raw) == 4600
    assert quote.body.attributes.flags == Flags.INIT | Flags.MODE64BIT == 0x05
    assert quote.body.report_data.value.startswith(b"Hello, world!\0")
    assert section.qe_report.attributes.flags & Flags.PROVISIONKEY
    digest = sha256(section.attestation_key + section.qe_authentication_data).digest()
    assert section.qe_report.report_data.value == digest + bytes(32)
    assert len(quote.signed_bytes) == 432
    assert section.certification.kind == 5


def test_every_byte_of_every_real_quote_and_report_has_a_name(vectors):
    """In order and without a gap: the parts together are the file."""
    seen = set()
    manifest = json.loads((vectors / "evidence" / "MANIFEST.json").read_bytes())
    for kind, anatomy in (("quotes", quote_anatomy), ("snp_reports", report_anatomy)):
        for entry in manifest[kind]:
            raw = (vectors / "evidence" / entry["id"] / entry["file"]).read_bytes()
            parts = anatomy(raw)
            assert b"".join(part.raw for part in parts) == raw
            assert [part.offset for part in parts] == [
                sum(len(each.raw) for each in parts[:number]) for number in range(len(parts))
            ]
            seen.add((kind, parts[0].number))
    assert {("quotes", 3), ("quotes", 4), ("quotes", 5), ("snp_reports", 2), ("snp_reports", 3)} <= seen
