"""The provisioning service on a real port, asked by a client that others wrote."""

import asyncio
import time
from datetime import UTC, datetime

import dcap_qvl
import httpx2
import pytest

from caisson.errors import EvidenceRejected, Unavailable
from caisson.evidence import INTEL_SGX_ROOT, PcsClient, RootKey, verify_quote
from caisson.platform import PcsServer, measure, pcs_application, sign_enclave
from caisson.sgx import Attributes, ReportData

PRODUCTION = Attributes(flags=0x4, xfrm=0x3)


@pytest.fixture
def application(platform):
    return pcs_application(platform, lambda: datetime.now(UTC))


@pytest.fixture
def quote(platform, signing_key):
    log = (b"program",)
    sigstruct = sign_enclave(signing_key, mr_enclave=measure(log), attributes=PRODUCTION)
    enclave = platform.launch(log=log, sigstruct=sigstruct, attributes=PRODUCTION)
    return platform.quote(enclave.ereport(platform.quoting_enclave.target_info, ReportData(bytes(64))))


def test_dcap_qvl_gathers_and_verifies(application, platform, quote):
    async def gather(url):
        return await dcap_qvl.get_collateral(url, quote)

    with PcsServer(application, host="127.0.0.1", port=0) as server:
        collateral = asyncio.run(gather(f"http://127.0.0.1:{server.port}"))
    verified = dcap_qvl.verify_with_root_ca(quote, collateral, platform.root_certificate, int(time.time()))
    assert verified.status == "UpToDate"


def test_our_own_client_gathers_and_verifies(application, platform, quote):
    root = RootKey.of(platform.provisioning.root.certificate)
    with PcsServer(application, host="127.0.0.1", port=0) as server, httpx2.Client() as client:
        collateral = PcsClient(f"http://127.0.0.1:{server.port}/sgx/certification/v4/", client).collateral(quote)
    assert verify_quote(quote, collateral, roots=frozenset({root}), at=datetime.now(UTC))
    with pytest.raises(EvidenceRejected):
        verify_quote(quote, collateral, roots=frozenset({INTEL_SGX_ROOT}), at=datetime.now(UTC))


def test_service_ends_when_it_is_closed(application):
    with PcsServer(application, host="127.0.0.1", port=0) as server:
        url = f"http://127.0.0.1:{server.port}/sgx/certification/v4/qe/identity"
        assert httpx2.get(url).status_code == 200
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)


def test_taken_port_is_unavailable(application):
    with (
        PcsServer(application, host="127.0.0.1", port=0) as server,
        pytest.raises(Unavailable, match="cannot listen"),
    ):
        PcsServer(application, host="127.0.0.1", port=server.port)
