"""Verifying quotes and reports on one core, against dcap-qvl and the P-256 verifications that nobody can avoid.

Goals, with warm collateral: 4 times dcap-qvl and 0.75 of the floor with two signatures (quote and QE REPORT), 8 times
dcap-qvl with one; without any memory no slower than dcap-qvl; two processes 1.8 times one. CPU time is what counts,
and both sides are measured in turns, so that a busy machine slows all of them alike. Without memory, the P-256
verifications that the argument needs take about as long as all of dcap-qvl, so their share is given, too. Between the
two lies the first quote of each machine of a fleet: its certificate is new, and the collateral for its kind is not.
"""

import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import dcap_qvl
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from caisson.evidence import INTEL_SGX_ROOT, Collateral, RootKey, certificate
from caisson.evidence.intel import path, standing, trusted, verify, vouching
from caisson.evidence.snp import AMD_ROOTS, verify_snp
from caisson.platform import Machine, SoftwarePlatform, Standing, generate_signing_key, measure, sign_enclave
from caisson.platform.signing import sign_p256
from caisson.sgx import Attributes, CertificationData, CertificationKind, Quote, ReportData

EVIDENCE = Path(os.environ.get("CAISSON_VECTORS", Path(__file__).parents[2] / "shared" / "vectors")) / "evidence"
QUOTES = {
    "SGX v3": "phala-dcap-qvl/sgx_v3_sgx_quote_f8b810",
    "TDX v4": "phala-dcap-qvl/tdx_v4_tdx_quote_f1c850",
    "TDX v5": "google-go-tdx-guest/tdx_v5_quote_v5_sample_cf77a6",
}
REPORT = EVIDENCE / "coco-trustee" / "snp_v3_evidence-genoa_227a64"
ROOTS = frozenset({INTEL_SGX_ROOT})
SECONDS, TURNS = 0.2, 9
GO_SEV_GUEST = 530
FLEET = 1100  # more than the memories hold, so that each machine is new whenever its turn comes
STATEMENTS = 4  # signed in another way than certificates and lists: TCB info, QE identity, QE REPORT, and the quote
MEMORIES = (  # all that is remembered, forgotten on purpose
    *(trusted.trust, trusted._signing_path, vouching.certified_key, vouching._platform, vouching._qe_tcb),  # noqa: SLF001
    *(path._certificate, path._verifies, path._load_key),  # noqa: SLF001
    *(certificate._common_name, certificate._basic_constraints, certificate._key_usage),  # noqa: SLF001
    *(standing.enclave_standing, standing._domain_standing),  # noqa: SLF001
)


def per_second(action: Callable[[], object]) -> float:
    """Give how often an action can be done in a second of CPU time."""
    done, start = 0, time.process_time()
    while time.process_time() - start < SECONDS:
        for _ in range(10):
            action()
        done += 10
    return done / (time.process_time() - start)


def compare(**actions: Callable[[], object]) -> dict[str, float]:
    """Measure actions in turns, and give the median of each."""
    rounds = [{name: per_second(action) for name, action in actions.items()} for _ in range(TURNS)]
    return {name: statistics.median(each[name] for each in rounds) for name in actions}


def forgetting(action: Callable[[], object], *memories: Any) -> Callable[[], object]:
    """Make an action that forgets what was found out before."""

    def run() -> object:
        for memory in memories:
            memory.cache_clear()
        return action()

    return run


def p256() -> Callable[[], object]:
    """Make one verification on P-256 of as many bytes as a quote signs."""
    key, message = generate_private_key(SECP256R1()), bytes(632)
    signature, public, algorithm = key.sign(message, ECDSA(SHA256())), key.public_key(), ECDSA(SHA256())
    return lambda: public.verify(signature, message, algorithm)


def signatures(cold: Callable[[], object]) -> int:
    """Give how many signatures are checked where nothing is remembered: each of them once."""
    cold()
    return path._verifies.cache_info().misses + STATEMENTS  # noqa: SLF001


def verification(name: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Make our verification and dcap-qvl's, of one quote with its collateral."""
    folder = EVIDENCE / QUOTES[name]
    manifest = json.loads((EVIDENCE / "MANIFEST.json").read_bytes())
    (vector,) = (each for each in manifest["quotes"] if each["id"] == QUOTES[name])
    seconds = vector["bundles"][0]["time"]
    quote, text = (folder / "quote.bin").read_bytes(), (folder / "collateral.json").read_text()
    collateral, theirs = Collateral.parse(text.encode()), dcap_qvl.QuoteCollateralV3.from_json(text)
    at = datetime.fromtimestamp(seconds, UTC)
    return (
        lambda: verify.verify_intel_quote(quote, collateral, roots=ROOTS, at=at),
        lambda: dcap_qvl.verify(quote, theirs, seconds),
    )


def fleet() -> tuple[Callable[[], object], Callable[[], object]]:
    """Make our verification and dcap-qvl's of quotes of ever other machines, all under one collateral."""
    at = datetime.now(UTC)
    platform = SoftwarePlatform.create(now=at, standing=Standing(), signing_key=generate_signing_key())
    log, attributes = (bytes(64),), Attributes(flags=4, xfrm=3)
    sigstruct = sign_enclave(
        generate_signing_key(), mr_enclave=measure(log), attributes=attributes, isv_prod_id=0, isv_svn=0
    )
    enclave = platform.launch(log=log, sigstruct=sigstruct, attributes=attributes)
    report = enclave.ereport(platform.quoting_enclave.target_info, ReportData(bytes(64)))
    quote, authority, root = (
        Quote.parse(platform.quote(report)),
        platform.provisioning.pck_ca,
        platform.provisioning.root,
    )

    def of(machine: Machine) -> bytes:
        pck = authority.pck(machine=machine, now=at)
        chain = (pck.pem + authority.pem + root.pem).encode()
        signature = replace(
            quote.signature,
            qe_report_signature=sign_p256(pck.key, quote.signature.qe_report.encode()),
            certification=CertificationData(kind=CertificationKind.PEM_CHAIN, data=chain),
        )
        return replace(quote, signature=signature).encode()

    quotes = [of(Machine(ppid=number.to_bytes(16, "big"))) for number in range(FLEET)]
    text = json.dumps(platform.collateral() | {"pck_certificate_chain": None})  # dcap-qvl prefers it to the quote's own
    collateral, theirs = Collateral.parse(text.encode()), dcap_qvl.QuoteCollateralV3.from_json(text)
    roots, anchor = frozenset({RootKey.of(root.certificate)}), root.certificate.public_bytes(Encoding.DER)
    ours, others = cycle(quotes), cycle(quotes)
    return (
        lambda: verify.verify_intel_quote(next(ours), collateral, roots=roots, at=at),
        lambda: dcap_qvl.verify_with_root_ca(next(others), theirs, anchor, int(at.timestamp())),
    )


def busy(name: str, until: float) -> int:
    """Verify until a moment, and give how often."""
    ours, _ = verification(name)
    ours()
    done = 0
    while time.time() < until:
        ours()
        done += 1
    return done


def both_cores(name: str) -> float:
    """Give how much more two processes do than one in the same time."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(busy, [(name, 0.0)] * 2)
        one = pool.apply(busy, (name, time.time() + 2))
        two = pool.starmap(busy, [(name, time.time() + 2)] * 2)
    return sum(two) / one


def main() -> None:
    """Print one line for each kind of evidence."""
    if not EVIDENCE.is_dir():
        print("evidence: not measured, the vectors are not here; CAISSON_VECTORS says where")
        return
    for name in QUOTES:
        ours, theirs = verification(name)
        cold = forgetting(ours, *MEMORIES)
        found = compare(
            floor=p256(),
            dcap_qvl=theirs,
            one=ours,
            two=forgetting(ours, vouching.certified_key),
            cold=cold,
        )
        peer, floor, all_of_them = found["dcap_qvl"], found["floor"], signatures(cold)
        print(
            f"{name}: {found['one']:.0f}/s with one signature left, {found['one'] / peer:.1f} times dcap-qvl (goal 8); "
            f"{found['two']:.0f}/s with two, {found['two'] / peer:.1f} times (goal 4), "
            f"{found['two'] / (floor / 2):.2f} of their floor (goal 0.75); "
            f"{found['cold']:.0f}/s without memory, {found['cold'] / peer:.2f} times (goal 1), "
            f"{all_of_them * found['cold'] / floor:.2f} of that time for {all_of_them} P-256 verifications "
            f"({floor / all_of_them / peer:.2f} times dcap-qvl if nothing else took any); "
            f"dcap-qvl {peer:.0f}/s, P-256 {floor:.0f}/s"
        )
    ours, theirs = fleet()
    found = compare(dcap_qvl=theirs, ours=ours)
    print(
        f"a fleet: {found['ours']:.0f}/s for the first quote of each machine under collateral that is known, "
        f"{found['ours'] / found['dcap_qvl']:.2f} times dcap-qvl"
    )
    report, vek, chain = ((REPORT / file).read_bytes() for file in ("report.bin", "vcek.der", "ask.pem"))
    chain += (REPORT / "ark.pem").read_bytes()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    snp = compare(ours=lambda: verify_snp(report, vek, chain, roots=AMD_ROOTS, at=at))["ours"]
    print(f"SEV-SNP: {snp:.0f}/s with a known chain, {snp / GO_SEV_GUEST:.1f} times go-sev-guest's 530/s (goal 2)")
    print(f"two processes: {both_cores('SGX v3'):.2f} times one (goal 1.8)")


if __name__ == "__main__":
    main()
