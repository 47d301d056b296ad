"""What services answer: Intel's and a PCCS's (PCS API), AMD's KDS. Nothing but collateral or no verdict comes out."""

from urllib.parse import quote as percent

import httpx2

from caisson.evidence import Collateral, PcsClient
from caisson.evidence.snp import KdsClient, SnpCollateral
from caisson.sgx import CertificationData, CertificationKind, PckIdentity
from caisson.snp import Product, Report
from tests.fuzz.evidence import PCK, SCENE, each
from tests.unit.evidence.intel.test_pcs import URL, answers

PROVISIONING = SCENE.platform.provisioning
CHAIN = {"SGX-PCK-Certificate-Issuer-Chain": percent(PROVISIONING.pck_crl_chain)}
ANSWERS = answers(SCENE.collateral) | {
    "pckcert": httpx2.Response(200, content=PROVISIONING.pck.pem, headers=CHAIN),
}
PATHS = list(ANSWERS)
NAME = PckIdentity(kind=CertificationKind.PPID, ppid=bytes(16), cpu_svn=PCK.cpu_svn, pce_svn=5, pce_id=bytes(2))
NAMING = SCENE.with_signature(certification=CertificationData(kind=NAME.kind, data=NAME.encode())).quote
REPORT = b"\2" + bytes(Report.SIZE - 1)


def check(raw):
    """The first byte says which answer it is; then come status, headers and body, as on the wire."""
    which, wire = raw[:1] or b"\0", raw[1:]
    each(lambda: _pcs(PATHS[which[0] % len(PATHS)], wire), lambda: _kds(wire))


def _pcs(path, wire):
    def handle(request):
        asked = request.url.path.removeprefix("/sgx/certification/v4/")
        return _answer(wire) if asked == path else ANSWERS[asked]

    with httpx2.Client(transport=httpx2.MockTransport(handle)) as client:
        assert isinstance(PcsClient(URL, client).collateral(NAMING if path == "pckcert" else SCENE.quote), Collateral)


def _kds(wire):
    with httpx2.Client(transport=httpx2.MockTransport(lambda _: _answer(wire))) as client:
        found = KdsClient("https://kds.test", client).collateral(REPORT, product=Product.MILAN, vlek=b"")
        assert isinstance(found, SnpCollateral)


def _answer(wire):
    head, _, content = wire.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = [tuple(part.strip() for part in line.split(b":", 1)) for line in lines if b":" in line]
    code = int(status[:3]) if status[:3].isdigit() else 200
    return httpx2.Response(max(code, 100), headers=headers, content=content)


def extra_seeds():
    for at, answer in enumerate(ANSWERS.values()):
        headers = b"".join(name + b": " + value + b"\r\n" for name, value in answer.headers.raw)
        yield bytes((at,)) + str(answer.status_code).encode() + b"\r\n" + headers + b"\r\n" + answer.content
    yield b"\0" + b"404\r\nContent-Type: text/html\r\nRetry-After: 5\r\n\r\n<html>"
    yield b"\0" + b"302\r\nLocation: http://elsewhere.test/\r\n\r\n"
    yield b"\0" + b"200\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08"
