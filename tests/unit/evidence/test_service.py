"""Provisioning services and AMD's: every way in which they can fail is no verdict, and is said in words."""

import ssl

import httpx2
import pytest

from caisson.errors import Unavailable, UsageError
from caisson.evidence import INTEL_PCS, PcsClient, TcbChoice, TcbUpdate, Tee, platform_kind_of, web_client
from caisson.evidence.intel.pcs import INTEL_ROOT_CRL
from caisson.evidence.service import Service
from tests.unit.evidence.intel.test_pcs import answers

HOST = "https://pccs.test:8081"


@pytest.fixture
def asked():
    return []


@pytest.fixture
def fetch(scene, asked):
    """Fetch collateral for `kind` from a service, some of whose answers may be replaced."""

    def fetch(url=HOST, *, choice=TcbChoice(), tee=Tee.SGX, **instead):  # noqa: B008 - a frozen value
        given = answers(scene.collateral) | {path.replace("_", "/"): answer for path, answer in instead.items()}

        def handle(request):
            asked.append(str(request.url))
            answer = given[request.url.path.rpartition("/v4/")[2]] if "/v4/" in request.url.path else given["rootcacrl"]
            if isinstance(answer, Exception):
                raise answer
            return answer

        kind = platform_kind_of(scene.quote)
        with httpx2.Client(transport=httpx2.MockTransport(handle)) as client:
            return PcsClient(url, client, choice).collateral_of(type(kind)(tee=tee, fmspc=kind.fmspc, ca=kind.ca))

    return fetch


# Addresses and queries.


@pytest.mark.parametrize("url", [HOST, f"{HOST}/", f"{HOST}/sgx/certification/v4", f"{HOST}/sgx/certification/v4/"])
def test_a_service_has_one_address_however_it_is_written(fetch, asked, url):
    fetch(url)
    assert asked[0] == f"{HOST}/sgx/certification/v4/pckcrl?ca=processor&encoding=der"


@pytest.mark.parametrize("version", ["3", "", "44", "x"])
def test_other_versions_of_the_api_are_not_asked(fetch, asked, version):
    with pytest.raises(UsageError, match="version 4"):
        fetch(f"{HOST}/sgx/certification/v{version}/")
    assert not asked


def test_trust_domains_have_statements_of_their_own(fetch, asked):
    fetch(tee=Tee.TDX)
    assert [url.removeprefix(HOST).partition("?")[0] for url in asked] == [
        "/sgx/certification/v4/pckcrl",
        "/tdx/certification/v4/tcb",
        "/tdx/certification/v4/qe/identity",
        "/sgx/certification/v4/rootcacrl",
    ]


@pytest.mark.parametrize(
    ("choice", "query"),
    [
        (TcbChoice(update=TcbUpdate.STANDARD), "update=standard"),
        (TcbChoice(update=TcbUpdate.EARLY), "update=early"),
        (TcbChoice(number=18), "tcbEvaluationDataNumber=18"),
    ],
)
def test_one_tcb_evaluation_is_asked_for_in_both_statements(fetch, asked, choice, query):
    fetch(choice=choice)
    assert asked[1].endswith(f"/tcb?fmspc=ca1550000000&{query}")
    assert asked[2].endswith(f"/qe/identity?{query}")


def test_an_evaluation_is_not_chosen_twice():
    with pytest.raises(UsageError):
        TcbChoice(update=TcbUpdate.EARLY, number=18)


def test_intels_own_service_has_the_roots_list_elsewhere(fetch, asked, scene):
    der = bytes.fromhex(scene.collateral["root_ca_crl"])
    collateral = fetch(INTEL_PCS, rootcacrl=httpx2.Response(200, content=der))
    assert asked[-1] == INTEL_ROOT_CRL
    assert collateral.root_ca_crl == der


# Failures.


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "does not understand the query"),
        (401, "asks for a token"),
        (403, "does not serve this client"),
        (404, "has nothing about this kind of platform"),
        (410, "nothing of this TCB evaluation any more"),
        (429, "asked too often"),
        (460, "does not fit together"),
        (461, "has to be registered first"),
        (462, "no certificates for the platform's TCB"),
        (500, "failed"),
        (502, "no answer from Intel's service"),
        (503, "not available for now"),
        (504, "no answer in time"),
    ],
)
def test_the_errors_of_a_caching_service_are_said_in_words(fetch, status, words):
    with pytest.raises(Unavailable, match=f"`tcb` with status {status}: .*{words}"):
        fetch(tcb=httpx2.Response(status))


def test_a_status_that_nobody_knows_is_given_as_it_is(fetch):
    with pytest.raises(Unavailable, match=r"with status 418$"):
        fetch(tcb=httpx2.Response(418))


@pytest.mark.parametrize(("later", "hint"), [("120", "try again in 120 seconds"), ("Wed, 21 Oct", None), ("²", None)])
def test_when_to_ask_again_is_passed_on(fetch, later, hint):
    with pytest.raises(Unavailable) as caught:
        fetch(tcb=httpx2.Response(429, headers={"retry-after": later.encode()}))
    assert caught.value.hint == hint


def test_redirects_are_not_followed(fetch, asked):
    with pytest.raises(Unavailable, match="sends elsewhere"):
        fetch(pckcrl=httpx2.Response(302, headers={"location": "https://elsewhere.test/"}))
    assert len(asked) == 1


def test_a_web_page_is_no_collateral(fetch):
    page = httpx2.Response(200, content=b"<html>Please log in</html>", headers={"content-type": "Text/HTML; charset=x"})
    with pytest.raises(Unavailable, match="a web page") as caught:
        fetch(qe_identity=page)
    assert "proxy" in caught.value.hint


def test_a_certificate_that_is_not_trusted_is_told_from_a_service_that_is_down(fetch):
    failure = httpx2.ConnectError("certificate verify failed")
    failure.__cause__ = OSError()
    failure.__cause__.__context__ = ssl.SSLCertVerificationError()
    with pytest.raises(Unavailable, match="a certificate that is not trusted") as caught:
        fetch(pckcrl=failure)
    assert caught.value.hint.endswith("name that file with `--pcs-ca`")


def test_a_service_that_drips_is_given_up():
    """Each piece arrives in time, and all of them together do not."""
    now = iter([0.0, 30.0, 59.0, 61.0])
    content = iter([b"a", b"b", b"c", b"d"])
    answer = httpx2.Response(200, content=content)
    with httpx2.Client(transport=httpx2.MockTransport(lambda _: answer)) as client:
        service = Service(name="it", client=client, option="--pcs", clock=lambda: next(now))
        with pytest.raises(Unavailable, match="within 60 seconds"):
            service.get("http://pcs.test/v4/tcb", {})


def test_a_client_trusts_the_system_or_a_file_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
    with web_client() as client:
        assert not client.follow_redirects
        assert not client.trust_env
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for path in (empty, tmp_path / "nowhere.pem"):
        with pytest.raises(UsageError, match="no certificates"):
            web_client(ca=path)
