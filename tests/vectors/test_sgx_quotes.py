"""Real SGX quotes: the verdicts are those of the vectors' manifest, and every forgery is refused at its own step."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caisson.errors import (
    AttestationKeyRejected,
    ChainRejected,
    CrlRejected,
    EvidenceRejected,
    Expired,
    Malformed,
    NotYetValid,
    QeIdentityRejected,
    QeReportRejected,
    QuoteRejected,
    QuoteSignatureRejected,
    TcbInfoRejected,
    UntrustedRoot,
)
from caisson.evidence import INTEL_SGX_ROOT, Collateral, RootKey, verify_quote
from caisson.sgx import CertificationKind, PckIdentity, parse_quote

EVIDENCE = Path(os.environ.get("CAISSON_VECTORS", Path(__file__).parents[3] / "shared" / "vectors")) / "evidence"
PRESENT = EVIDENCE.is_dir()
MANIFEST = json.loads((EVIDENCE / "MANIFEST.json").read_bytes()) if PRESENT else {}
MUTATIONS = json.loads((EVIDENCE / "MUTATIONS.json").read_bytes()) if PRESENT else []
VERSION = 3
QUOTES = {quote["id"]: quote for quote in MANIFEST.get("quotes", []) if quote["quote_version"] == VERSION}
BUNDLES = [(name, bundle) for name, quote in QUOTES.items() for bundle in quote["bundles"]]
MUTANTS = [mutant for mutant in MUTATIONS if mutant["base"] in QUOTES]
INTEL = frozenset({INTEL_SGX_ROOT})

# The step at which each forgery is found, in the order of the plan of `verify_quote`.
STEPS = {
    Malformed: {
        "quote.hdr.version",
        "quote.sig.size",
        "quote.sig.auth_data_size",
        "quote.cert.size",
        "quote.truncate_1",
        "quote.truncate_header",
        "quote.empty",
        "quote.append_garbage",
        "quote.foreign_pck_chain",
        "quote.cert_type_1",
    },
    QuoteRejected: {
        "quote.hdr.att_key_type",
        "quote.hdr.tee_type",
        "quote.hdr.qe_vendor_id",
        "quote.cert.type",
        "quote.cert_type_4",
    },
    ChainRejected: {
        "quote.cert.leaf_body",
        "collateral.tcb_chain=pck_crl_issuer_chain (wrong signer role)",
        "collateral.tcb_chain_without_root",
    },
    CrlRejected: {
        "collateral.root_ca_crl.sig_flip",
        "collateral.root_ca_crl.empty",
        "collateral.pck_crl.sig_flip",
        "collateral.pck_crl.empty",
        "collateral.swap_crls(root<->pck)",
        "collateral.pck_crl=root_crl twice",
    },
    TcbInfoRejected: {
        "collateral.tcb_info_signature.flip",
        "collateral.tcb_info_signature.zero",
        "collateral.tcb_info.status_rewritten",
        "collateral.tcb_info.next_update_extended",
        "collateral.tcb_info.pceid_changed",
        "collateral.tcb_info.json_whitespace (re-serialised)",
        "collateral.wrong_tee(tcb_info+qe_identity of the other TEE)",
    },
    QeIdentityRejected: {
        "collateral.qe_identity_signature.flip",
        "collateral.qe_identity_signature.zero",
        "collateral.qe_identity.mrsigner_changed (CVE-2026-22696 class: forged QE identity)",
        "collateral.qe_identity.isvsvn_lowered (CVE-2026-22696 class)",
        "collateral.qe_identity.json_whitespace (re-serialised)",
        "collateral.qe_identity_of_other_tee",
    },
    QeReportRejected: {
        "quote.qe.cpu_svn",
        "quote.qe.attributes",
        "quote.qe.mr_signer",
        "quote.qe.isv_svn",
        "quote.qe.report_data",
        "quote.sig.qe_report_signature",
        "quote.qe_sig_zero",
        "quote.forged_attkey_rebound(QE report_data rewritten, QE signature stale)",
    },
    AttestationKeyRejected: {
        "quote.sig.att_key",
        "quote.sig.auth_data",
        "quote.att_key_zero",
        "quote.forged_attkey(own key signs forged body; QE report not rebound)",
    },
    NotYetValid: {"time.before_tcb_issue", "time.epoch_0"},
    Expired: {"time.after_tcb_next_update", "time.year_2060"},
    QuoteSignatureRejected: {
        "quote.hdr.qe_svn",
        "quote.hdr.pce_svn",
        "quote.hdr.user_data",
        "quote.sgx.cpu_svn",
        "quote.sgx.miscselect",
        "quote.sgx.attributes(debug bit)",
        "quote.sgx.mr_enclave",
        "quote.sgx.mr_signer",
        "quote.sgx.isv_prod_id",
        "quote.sgx.isv_svn",
        "quote.sgx.report_data",
        "quote.sig.isv_signature",
        "quote.sig_zero",
    },
}
# ECDSA itself gives every signature a twin; that is why a quote's hash is nobody's identity.
ACCEPTED = {"quote.sig_malleable_s(n-s)"}
REFUSED_AT = {mutation: step for step, mutations in STEPS.items() for mutation in mutations}

pytestmark = pytest.mark.skipif(not PRESENT, reason="the evidence vectors are not here; CAISSON_VECTORS says where")


def moment(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def read(name, bundle):
    return (EVIDENCE / name / "quote.bin").read_bytes(), json.loads((EVIDENCE / name / bundle).read_bytes())


def verify(quote, collateral, seconds, roots=INTEL):
    return verify_quote(quote, Collateral.parse(collateral), roots=roots, at=moment(seconds))


def change_quote(quote, operation):
    match operation["op"]:
        case "truncate":
            return quote[: operation["length"]]
        case "append":
            return quote + bytes.fromhex(operation["hex"])
        case "set" | "xor" as kind:
            octets, at = bytes.fromhex(operation["hex"]), operation["offset"]
            old = quote[at : at + len(octets)]
            new = octets if kind == "set" else bytes(a ^ b for a, b in zip(old, octets, strict=True))
            return quote[:at] + new + quote[at + len(octets) :]


def change_collateral(collateral, operation):
    match operation:
        case {"op": "sub", "field": field, "old": old, "new": new}:
            assert old in collateral[field]
            changed = {field: collateral[field].replace(old, new)}
        case {"op": "xorhex", "field": field, "offset": at, "hex": mask}:
            octets = bytearray.fromhex(collateral[field])
            for index, octet in enumerate(bytes.fromhex(mask), at):
                octets[index] ^= octet
            changed = {field: octets.hex()}
        case {"op": "replace_all", "field": field, "value": value}:
            changed = {field: value}
        case {"op": "copy", "from": source, "to": target}:
            changed = {target: collateral[source]}
        case {"op": "swap", "fields": [one, other]}:
            changed = {one: collateral[other], other: collateral[one]}
        case {"op": "first_cert_only", "field": field}:
            head, end, _ = collateral[field].partition("-----END CERTIFICATE-----")
            changed = {field: f"{head}{end}\n"}
        case {"op": "take", "fields": fields, "from_vector": name}:
            _, other = read(name, "collateral.json")
            changed = {field: other[field] for field in fields}
    return collateral | changed


def mutated(mutant):
    quote, collateral = read(mutant["base"], mutant["base_bundle"])
    seconds = mutant["base_time"]
    for operation in mutant["ops"]:
        match operation["target"]:
            case "quote":
                quote = change_quote(quote, operation)
            case "collateral":
                collateral = change_collateral(collateral, operation)
            case "time":
                seconds = operation["value"]
    return quote, collateral, seconds


def test_there_are_vectors():
    assert len(BUNDLES) == 36
    assert len(MUTANTS) == 67


@pytest.mark.parametrize(("name", "bundle"), BUNDLES, ids=lambda value: value if isinstance(value, str) else None)
def test_a_real_quote_has_the_verdict_of_the_manifest(name, bundle):
    expected, structure = bundle["expected"], QUOTES[name]["structure"]
    verified = verify(*read(name, bundle["collateral"]), bundle["time"])
    assert verified.tcb.status == expected["tcb_status"]
    assert list(verified.tcb.advisories) == expected["advisory_ids"]
    assert verified.tcb.date == datetime.fromisoformat(expected["tcb_date"])
    assert verified.tcb_evaluation_data_number == min(bundle["tcb_eval"], bundle["qe_eval"])
    assert verified.report.attributes.debug is expected["debug"]
    assert str(verified.report.mr_enclave) == structure["mr_enclave"]
    assert str(verified.pck.fmspc) == QUOTES[name]["fmspc"].lower()
    assert verified.on_hardware


@pytest.mark.parametrize(("name", "bundle"), BUNDLES, ids=lambda value: value if isinstance(value, str) else None)
def test_the_argument_holds_exactly_as_long_as_its_parts(name, bundle):
    quote, collateral = read(name, bundle["collateral"])
    verified = verify(quote, collateral, bundle["time"])
    last = int(verified.expires.timestamp())
    assert last == bundle["valid_to"]
    assert verify(quote, collateral, last).expires == verified.expires
    assert verify(quote, collateral, bundle["valid_from"]).expires == verified.expires
    with pytest.raises(Expired):
        verify(quote, collateral, last + 1)
    with pytest.raises(NotYetValid):
        verify(quote, collateral, bundle["valid_from"] - 1)


@pytest.mark.parametrize(("name", "bundle"), BUNDLES, ids=lambda value: value if isinstance(value, str) else None)
def test_no_quote_is_genuine_under_another_root(name, bundle):
    with pytest.raises(UntrustedRoot):
        verify(*read(name, bundle["collateral"]), bundle["time"], roots=frozenset({RootKey(bytes(32))}))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["id"])
def test_a_forgery_is_refused_at_its_own_step(mutant):
    quote, collateral, seconds = mutated(mutant)
    if mutant["mutation"] in ACCEPTED:
        assert not mutant["expected"].startswith("reject")
        assert verify(quote, collateral, seconds).on_hardware
        return
    with pytest.raises((Malformed, EvidenceRejected)) as caught:
        verify(quote, collateral, seconds)
    assert caught.type is REFUSED_AT[mutant["mutation"]]


@pytest.mark.parametrize(
    ("name", "kind", "pce_svn", "pce_id"),
    [
        ("fortanix-rust-sgx/sgx_v3_quote_raw_tcb_2f59d4", 3, 6, b"\0\0"),
        ("intel-qvl-sample/sgx_v3_quote_8cc428", 1, 3, None),
    ],
)
def test_a_real_quote_that_names_its_pck_is_read_and_needs_the_chain(name, kind, pce_svn, pce_id):
    quote = (EVIDENCE / name / "quote.bin").read_bytes()
    certification = parse_quote(quote).signature.certification
    identity = PckIdentity.parse(CertificationKind(certification.kind), certification.data)
    assert (identity.kind, identity.pce_svn, identity.pce_id) == (kind, pce_svn, pce_id)
    assert identity.encode() == certification.data
    _, collateral = read(*next((name, bundle["collateral"]) for name, bundle in BUNDLES))
    with pytest.raises(QuoteRejected, match="does not bring it"):
        verify(quote, collateral, BUNDLES[0][1]["time"])
