"""Real SEV-SNP reports: the verdicts are those of the vectors' own manifest, and every forgery is refused."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caisson.errors import ChainRejected, Rejected
from caisson.evidence.snp import AMD_GENOA_ROOT, AMD_MILAN_ROOT, AMD_ROOTS, AMD_TURIN_ROOT, verify_snp
from caisson.evidence.snp.certificate import require_issued_by
from caisson.evidence.snp.endorsement import parse_chain

EVIDENCE = Path(os.environ.get("CAISSON_VECTORS", Path(__file__).parents[3] / "shared" / "vectors")) / "evidence"
PRESENT = EVIDENCE.is_dir()
MANIFEST = json.loads((EVIDENCE / "MANIFEST.json").read_bytes()) if PRESENT else {}
MUTATIONS = json.loads((EVIDENCE / "SNP_MUTATIONS.json").read_bytes()) if PRESENT else []
VECTORS = {vector["id"]: vector for vector in MANIFEST.get("snp_reports", [])}
WITH_KEY = [name for name, vector in VECTORS.items() if "leaf" in vector]

pytestmark = pytest.mark.skipif(not PRESENT, reason="the evidence vectors are not here; CAISSON_VECTORS says where")


def parts(name):
    vector, folder = VECTORS[name], EVIDENCE / name
    return {
        "report": (folder / vector["file"]).read_bytes(),
        "vek": (folder / vector["leaf"]).read_bytes(),
        "chain": (folder / vector["ask"]).read_bytes() + (folder / vector["ark"]).read_bytes(),
    }


def moment(name):
    return datetime.fromtimestamp(VECTORS[name]["time"], UTC)


def mutated(good, operation):
    report, target = bytearray(good["report"]), operation["op"]
    if target == "take_all":
        return good | {part: value for part, value in parts(operation["from_vector"]).items() if part != "report"}
    if target == "take_ask_ark":
        return good | {"chain": parts(operation["from_vector"])["chain"]}
    if target == "truncate":
        return good | {"report": bytes(report[: operation["length"]])}
    octets, at = bytes.fromhex(operation["hex"]), operation["offset"]
    old = report[at : at + len(octets)]
    new = bytes(a ^ b for a, b in zip(old, octets, strict=True)) if target == "xor" else octets
    assert target in {"xor", "set"}
    return good | {"report": bytes(report[:at] + new + report[at + len(octets) :])}


@pytest.mark.parametrize("name", WITH_KEY)
def test_a_real_report_has_the_verdict_of_the_manifest(name):
    vector, expected = VECTORS[name], VECTORS[name]["expected"]
    verified = verify_snp(**parts(name), roots=AMD_ROOTS, at=moment(name))
    assert expected["accept"] is True
    assert verified.debug is expected["debug"]
    assert verified.on_hardware
    assert verified.product.value == vector["product"]
    levels = vector["computed"]["python_cryptography"]["reported_tcb"]
    tcb = verified.reported_tcb
    assert (tcb.bootloader, tcb.tee, tcb.snp, tcb.microcode) == (
        levels["bl"],
        levels["tee"],
        levels["snp"],
        levels["ucode"],
    )
    assert verified.report.measurement == type(verified.report.measurement).from_hex(vector["structure"]["measurement"])


@pytest.mark.parametrize("recipe", [pytest.param(recipe, id=recipe["id"]) for recipe in MUTATIONS])
def test_a_forged_report_is_refused(recipe):
    forged = parts(recipe["base"])
    for operation in recipe["ops"]:
        forged = mutated(forged, operation)
    if recipe["expected"] == "reject":
        with pytest.raises(Rejected):
            verify_snp(**forged, roots=AMD_ROOTS, at=moment(recipe["base"]))
    else:
        # A signature (r, n - s) is as good as (r, s): the bytes of a report are no identity.
        assert "n-s" in recipe["id"]
        verify_snp(**forged, roots=AMD_ROOTS, at=moment(recipe["base"]))


@pytest.mark.parametrize("name", ["test-vcek-invalid-legacy.der", "test-vcek-invalid-new.der"])
def test_a_vcek_that_amd_did_not_sign_is_refused(name):
    base = "coco-trustee/snp_v2_test-report_7c6146"
    forged = parts(base) | {"vek": (EVIDENCE / "coco-trustee" / "snp-vcek-negative" / name).read_bytes()}
    with pytest.raises(ChainRejected, match="signature does not verify"):
        verify_snp(**forged, roots=AMD_ROOTS, at=moment(base))


@pytest.mark.parametrize(
    ("file", "root"),
    [
        ("ask_ark_milan.pem", AMD_MILAN_ROOT),
        ("ask_ark_milan_vlek.pem", AMD_MILAN_ROOT),
        ("ask_ark_genoa.pem", AMD_GENOA_ROOT),
        ("ask_ark_genoa_vlek.pem", AMD_GENOA_ROOT),
        ("ask_ark_turin_vcek.pem", AMD_TURIN_ROOT),
        ("ask_ark_turin_vlek.pem", AMD_TURIN_ROOT),
    ],
)
def test_the_built_in_roots_are_those_that_amd_publishes(file, root):
    authority, found = parse_chain((EVIDENCE / "google-go-sev-guest" / "verify-trust" / file).read_bytes())
    assert found.root_key == root
    require_issued_by(found, found)
    require_issued_by(authority, found)
