"""Memory is bounded: whatever 64 KiB hold, reading them takes a few mebibytes at most."""

from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.evidence import MOST_BYTES
from tests.fuzz.target import load, seeds, survives

TARGETS = (
    *("activation", "certificate", "chain", "collateral", "ear", "policy", "provisioning_answer", "qe_identity"),
    *("local_report", "quote", "ra_tls", "revocation_list", "snp_report", "tagged_evidence", "tcb_info"),
    "verification_request",
)
MOST_MEBIBYTES = 24
SEEDS = 12
BOMBS = (
    b"\0",
    b"\xff",
    b"[",
    b'{"a":',
    b"a.",
    b"[a]\n",
    b"[[a.b]]\nc=[",
    b'"\\u0000',
    b"\x81",  # CBOR: a list of a list of …
    b"\xbf\x61a",  # CBOR: a map without end
    b"\x9a\xff\xff\xff\xff",  # CBOR: a list that says it has four thousand million members
    b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xc2\x59\xff\xff",  # CBOR: a large number
    b"\x30\x82\xff\xfc",  # DER: a sequence of a sequence of …
    b"\x30\x80",
    b"\x30\x84\xff\xff\xff\xff",
    b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
)

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def kibibytes(name):
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


def repeated(piece):
    return (piece * (MOST_BYTES // len(piece) + 1))[:MOST_BYTES]


def inputs(name):
    """Give bombs, seeds that are repeated up to the limit, and seeds that were padded up to it."""
    for bomb in BOMBS:
        yield repeated(bomb)
    known = seeds(name)
    for seed in islice(known, 0, None, max(1, len(known) // SEEDS)):
        if seed:
            yield repeated(seed)
            yield seed[:MOST_BYTES].ljust(MOST_BYTES, b"\0")
            yield (seed[: len(seed) // 2] + repeated(seed))[:MOST_BYTES]


@pytest.mark.parametrize("name", TARGETS)
def test_no_64_kibibytes_take_much_memory(name):
    check = load(name).check
    for raw in inputs(name):
        before = kibibytes("VmRSS")
        RESET.write_text("5")  # the peak begins anew
        survives(check, raw)
        grown = (kibibytes("VmHWM") - before) / 1024
        assert grown < MOST_MEBIBYTES, f"{len(raw)} bytes that begin with {raw[:40]!r} took {grown:.0f} MiB"
