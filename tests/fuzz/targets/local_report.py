"""What goes from enclave to enclave and to the processor: what is read is written as the same bytes."""

from caisson.sgx import CertificationKind, KeyRequest, PckIdentity, Report, ReportData, TargetInfo
from tests.fuzz.evidence import PLATFORM, each
from tests.unit.evidence.conftest import launch

KINDS = (CertificationKind.PPID, CertificationKind.PPID_RSA_2048, CertificationKind.PPID_RSA_3072)


def check(raw):
    each(*(lambda kind=kind: _again(kind, raw) for kind in (Report, TargetInfo, KeyRequest)), *_identities(raw))


def _again(kind, raw):
    assert kind.parse(raw).encode() == raw


def _identities(raw):
    """A PCK is named in a quote by bytes of the same sort."""
    for kind in KINDS:
        yield lambda kind=kind: _named(kind, raw)


def _named(kind, raw):
    assert PckIdentity.parse(kind, raw).encode() == raw


def extra_seeds():
    enclave = launch(PLATFORM)
    target = TargetInfo.of(enclave.identity)
    identities = [bytes(size + more) for size in (16, 256, 384) for more in (18, 20)]
    report = enclave.ereport(target, ReportData(bytes(64)))
    return [report.encode(), target.encode(), bytes((4, 0, 2, 0)) + bytes(KeyRequest.SIZE - 4), *identities]
