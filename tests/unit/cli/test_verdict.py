"""Verdicts in words: the verdict first, what is wrong last, and every warning said."""

from datetime import UTC, datetime

import pytest

from caisson.cli.verdict import verdict_data, verdict_words
from caisson.errors import BindingRejected, PolicyRejected
from caisson.evidence import AttestationResult, Collateral, Policy, RootKey, TcbStatus, verify_quote
from caisson.platform import TcbStatus as PlatformTcbStatus
from caisson.sgx import ReportData
from tests.guest import DEBUG, launch, make_platform

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def verify():
    platform = make_platform(NOW.timestamp(), tcb_status=PlatformTcbStatus.OUT_OF_DATE, advisories=("INTEL-SA-00615",))
    roots = frozenset({RootKey.of(platform.provisioning.root.certificate)})
    collateral = Collateral.parse(platform.collateral())

    def verify(**enclave):
        report = launch(platform, **enclave).ereport(platform.quoting_enclave.target_info, ReportData(bytes(64)))
        return verify_quote(platform.quote(report), collateral, roots=roots, at=NOW)

    return verify


@pytest.fixture(scope="module")
def policy():
    return Policy(
        roots=frozenset(),
        tcb_statuses=frozenset({TcbStatus.UP_TO_DATE}),
        advisories=frozenset(),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=0,
        key_servers=frozenset(),
        enclaves=(),
    )


def test_what_was_found_is_told(verify, policy):
    quote = verify()
    more = {"workload": "redis", "key_server": "53" * 32}
    words = verdict_words(AttestationResult.of(quote, policy=policy, more=more))
    assert words == (
        "accepted: it is genuine, and what the policy asks for\n"
        f"  what runs     MRENCLAVE {quote.report.mr_enclave}\n"
        f"  signed by     MRSIGNER  {quote.report.mr_signer}, product 7, version 3\n"
        f"  provisioned   as workload `redis` by the key server {'53' * 32}\n"
        "  platform      OutOfDate, at the level of 2026-01-14, vouched for by "
        "`Caisson Software SGX Root CA (protects nothing)`\n"
        "  advisories    INTEL-SA-00615\n"
        "  holds until   2026-12-23 12:00 UTC\n"
        "  warning       the root is not the vendor's: a software platform protects nothing"
    )


def test_what_is_wrong_is_told_in_full(verify, policy):
    result = AttestationResult.of(verify(attributes=DEBUG), policy=policy, refusal=PolicyRejected(("one", "two")))
    lines = verdict_words(result).splitlines()
    assert lines[0] == "REFUSED by the policy"
    assert lines[-4:-1] == [
        "  wrong         one",
        "  wrong         two",
        "  warning       debugging is on: whoever runs it can read its memory",
    ]


def test_the_other_verdicts(verify):
    assert verdict_words(AttestationResult.of(verify(), policy=None)).startswith("genuine; whether it is acceptable")
    refused = AttestationResult.refused(BindingRejected("no"), policy=None, at=NOW)
    assert verdict_words(refused) == "REFUSED: it is not shown to be genuine\n  wrong         no"
    assert verdict_data(refused)["expires"] is None


def test_programs_get_the_same(verify):
    data = verdict_data(AttestationResult.of(verify(), policy=None))
    assert (data["genuine"], data["accepted"], data["tcb_status"], data["debug"]) == (True, None, "OutOfDate", False)
    assert data["advisory_ids"] == ["INTEL-SA-00615"]
    assert data["expires"] == "2026-12-23T12:00:00+00:00"
