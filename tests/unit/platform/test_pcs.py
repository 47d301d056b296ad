"""The provisioning service's answers: Intel's paths, parameters, headers and bodies."""

import asyncio
import json
from datetime import timedelta
from urllib.parse import unquote

import httpx2
import pytest
from cryptography import x509

from caisson.platform import Machine, PckCa, Revocable, TcbStatus, pcs_application

BASE = "http://pcs.test/sgx/certification/v4/"


@pytest.fixture
def get(platform, now):
    def get(path, *, of=platform, at=now):
        async def fetch():
            transport = httpx2.ASGITransport(app=pcs_application(of, lambda: at))
            async with httpx2.AsyncClient(transport=transport) as client:
                return await client.get(BASE + path)

        return asyncio.run(fetch())

    return get


def chain(answer, header):
    return x509.load_pem_x509_certificates(unquote(answer.headers[header]).encode())


def collateral(get, of, at):
    """What a verifier that knows only Intel's API gathers."""
    machine = of.provisioning.machine
    tcb = get(f"tcb?fmspc={machine.fmspc.hex()}", of=of, at=at)
    identity = get("qe/identity", of=of, at=at)
    crl = get(f"pckcrl?ca={machine.ca}&encoding=der", of=of, at=at)
    # The signed text is what stands between the two members, untouched.
    tcb_text = tcb.text.removeprefix('{"tcbInfo":').rpartition(',"signature":')[0]
    identity_text = identity.text.removeprefix('{"enclaveIdentity":').rpartition(',"signature":')[0]
    return {
        "pck_crl_issuer_chain": unquote(crl.headers["SGX-PCK-CRL-Issuer-Chain"]),
        "root_ca_crl": get("rootcacrl", of=of, at=at).text,
        "pck_crl": crl.content.hex(),
        "tcb_info_issuer_chain": unquote(tcb.headers["TCB-Info-Issuer-Chain"]),
        "tcb_info": tcb_text,
        "tcb_info_signature": tcb.json()["signature"],
        "qe_identity_issuer_chain": unquote(identity.headers["SGX-Enclave-Identity-Issuer-Chain"]),
        "qe_identity": identity_text,
        "qe_identity_signature": identity.json()["signature"],
    }


@pytest.mark.parametrize("ca", PckCa)
@pytest.mark.parametrize("status", [TcbStatus.UP_TO_DATE, TcbStatus.SW_HARDENING_NEEDED])
def test_gathered_collateral_verifies_a_quote(make_platform, program, verdict, get, now, ca, status):
    platform = make_platform(machine=Machine(ppid=bytes(16), ca=ca), tcb_status=status)
    gathered = collateral(get, platform, now)
    assert verdict(platform, program.launch(platform), collateral=gathered).status == status.value


def test_gathered_collateral_is_that_of_the_platform(get, platform, now):
    expected = platform.collateral(now - timedelta(hours=1))
    del expected["pck_certificate_chain"]
    assert collateral(get, platform, now) == expected


def test_bytes_are_kept_for_an_hour(get, platform, now):
    assert collateral(get, platform, now) == collateral(get, platform, now.replace(minute=59, second=59))
    assert collateral(get, platform, now) != collateral(get, platform, now.replace(hour=now.hour + 1))


def test_verifier_that_looked_at_its_clock_before_asking_is_served(platform, program, verdict, get, now):
    """The hour turns between the two; that must not make the evidence one from the future."""
    gathered = collateral(get, platform, now)
    assert verdict(platform, program.launch(platform), collateral=gathered, at=now - timedelta(seconds=1))


def test_revocation_shows_in_the_lists(make_platform, get):
    platform = make_platform(revoked=frozenset(Revocable))
    pck = x509.load_der_x509_crl(get("pckcrl?ca=processor&encoding=der", of=platform).content)
    root = x509.load_der_x509_crl(get("rootcacrl?encoding=der", of=platform).content)
    assert (len(list(pck)), len(list(root))) == (1, 2)


def test_lists_come_in_the_encoding_asked_for(get):
    pem = get("pckcrl?ca=processor")
    assert pem.headers["content-type"].startswith("application/x-pem-file")
    der = get("pckcrl?ca=processor&encoding=der")
    assert der.headers["content-type"] == "application/pkix-crl"
    assert x509.load_pem_x509_crl(pem.content) == x509.load_der_x509_crl(der.content)
    assert bytes.fromhex(get("rootcacrl").text) == get("rootcacrl?encoding=der").content


def test_pck_certificate_is_found_by_its_quoting_enclave(get, platform):
    provisioning = platform.provisioning
    answer = get(f"pckcert?qeid={platform.quoting_enclave.qe_id.hex().upper()}&pceid=0000")
    assert answer.text == provisioning.pck.pem
    assert chain(answer, "SGX-PCK-Certificate-Issuer-Chain")[0] == provisioning.pck_ca.certificate
    assert answer.headers["SGX-FMSPC"] == "CA1550000000"
    assert answer.headers["SGX-PCK-Certificate-CA-Type"] == "processor"
    assert answer.headers["SGX-TCBm"] == platform.cpu.cpu_svn.value.hex().upper() + "0D00"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("tcb", 400),
        ("tcb?fmspc=xyz", 400),
        ("tcb?fmspc=00906ED50000", 404),
        ("pckcrl", 400),
        ("pckcrl?ca=root", 400),
        ("pckcrl?ca=processor&encoding=json", 400),
        ("pckcrl?ca=platform", 404),
        ("rootcacrl?encoding=pem", 400),
        ("pckcert", 400),
        ("pckcert?qeid=00&pceid=0000", 404),
        ("nothing", 404),
    ],
)
def test_wrong_questions_have_intels_statuses(get, path, status):
    assert get(path).status_code == status


def test_answers_are_json_of_two_members(get):
    assert list(json.loads(get("qe/identity").text)) == ["enclaveIdentity", "signature"]
    assert list(json.loads(get("tcb?fmspc=ca1550000000").text)) == ["tcbInfo", "signature"]
