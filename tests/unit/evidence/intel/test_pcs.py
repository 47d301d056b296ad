"""The provisioning service's client: what it fetches is what the service signed; anything odd is no verdict."""

import json
from dataclasses import replace
from urllib.parse import quote as percent

import httpx2
import pytest

from caisson.errors import CaissonError, ChainRejected, Malformed, Unavailable
from caisson.evidence import INTEL_PCS, Collateral, PckCa, PcsClient, PlatformKind, Tee, platform_kind_of
from caisson.platform import Machine
from caisson.platform import PckCa as MachineCa
from caisson.sgx import CertificationKind, Quote

URL = "http://pcs.test/sgx/certification/v4"


def answers(collateral):
    """Give what a service answers, by path."""

    def signed(member, name, header):
        body = f'{{"{member}":{collateral[name]},"signature":"{collateral[f"{name}_signature"]}"}}'
        return httpx2.Response(200, content=body, headers={header: percent(collateral[f"{name}_issuer_chain"])})

    chain = percent(collateral["pck_crl_issuer_chain"])
    crl = bytes.fromhex(collateral["pck_crl"])
    return {
        "pckcrl": httpx2.Response(200, content=crl, headers={"SGX-PCK-CRL-Issuer-Chain": chain}),
        "rootcacrl": httpx2.Response(200, content=collateral["root_ca_crl"]),
        "tcb": signed("tcbInfo", "tcb_info", "TCB-Info-Issuer-Chain"),
        "qe/identity": signed("enclaveIdentity", "qe_identity", "SGX-Enclave-Identity-Issuer-Chain"),
    }


@pytest.fixture
def fetch(scene):
    """Fetch collateral from a service some of whose answers may be replaced; give it and the queries."""

    def fetch(scene=scene, **instead):
        given = answers(scene.collateral) | {path.replace("_", "/"): answer for path, answer in instead.items()}
        asked = []

        def handle(request):
            asked.append(str(request.url).removeprefix(f"{URL}/"))
            answer = given[request.url.path.removeprefix("/sgx/certification/v4/")]
            if isinstance(answer, Exception):
                raise answer
            return answer

        with httpx2.Client(transport=httpx2.MockTransport(handle)) as client:
            return PcsClient(f"{URL}/", client).collateral(scene.quote), asked

    return fetch


def test_it_fetches_what_the_service_signed(fetch, scene):
    collateral, asked = fetch()
    assert collateral == Collateral.parse(scene.collateral)
    assert asked == ["pckcrl?ca=processor&encoding=der", "tcb?fmspc=ca1550000000", "qe/identity", "rootcacrl"]


def test_it_asks_for_the_list_of_the_right_authority(fetch, make_scene):
    scene = make_scene(machine=Machine(ppid=bytes(16), ca=MachineCa.PLATFORM))
    _, asked = fetch(scene)
    assert asked[0] == "pckcrl?ca=platform&encoding=der"


def test_it_reads_the_roots_list_in_der_too(fetch, scene):
    der = bytes.fromhex(scene.collateral["root_ca_crl"])
    assert fetch(rootcacrl=httpx2.Response(200, content=der))[0] == Collateral.parse(scene.collateral)


@pytest.mark.parametrize("status", [204, 302, 404, 429, 500])
@pytest.mark.parametrize("path", ["pckcrl", "tcb", "qe_identity", "rootcacrl"])
def test_another_status_is_no_verdict(fetch, path, status):
    with pytest.raises(Unavailable, match=f"status {status}"):
        fetch(**{path: httpx2.Response(status)})


@pytest.mark.parametrize("failure", [httpx2.ConnectError("no"), httpx2.ReadTimeout("slow")])
def test_a_service_that_does_not_answer_is_no_verdict(fetch, failure):
    with pytest.raises(Unavailable, match="does not answer"):
        fetch(tcb=failure)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"tcbInfo":{}}',
        b'{"tcbInfo":{},"signature":"00"}',
        b'{"tcbInfo":"{}","signature":"' + b"00" * 64 + b'"}',
        b'{"tcbInfo":{"\xff":1},"signature":"' + b"00" * 64 + b'"}',
        b'{"enclaveIdentity":{},"signature":"' + b"00" * 64 + b'"}',
    ],
)
def test_a_document_that_is_none_is_no_verdict(fetch, body, scene):
    headers = {"TCB-Info-Issuer-Chain": percent(scene.collateral["tcb_info_issuer_chain"])}
    with pytest.raises(Unavailable):
        fetch(tcb=httpx2.Response(200, content=body, headers=headers))


def test_a_chain_that_is_missing_is_no_verdict(fetch, scene):
    with pytest.raises(Unavailable, match="lacks the header"):
        fetch(pckcrl=httpx2.Response(200, content=bytes.fromhex(scene.collateral["pck_crl"])))


def test_an_answer_without_end_is_no_verdict(fetch):
    with pytest.raises(Unavailable, match="more than 4194304 bytes"):
        fetch(rootcacrl=httpx2.Response(200, content=bytes(5 << 20)))


def test_spaces_around_a_document_are_not_part_of_it(fetch, scene):
    tcb, signature = scene.collateral["tcb_info"], scene.collateral["tcb_info_signature"]
    body = f'\n {{ "tcbInfo" : {tcb} , "signature" : "{signature.upper()}" }} \n'
    headers = {"TCB-Info-Issuer-Chain": percent(scene.collateral["tcb_info_issuer_chain"])}
    collateral, _ = fetch(tcb=httpx2.Response(200, content=body, headers=headers))
    assert collateral.tcb_info == tcb.encode()


@pytest.mark.parametrize("url", ["", "nonsense", "http://pcs.test:port", "ftp://pcs.test"])
def test_an_address_that_is_none_is_no_verdict(scene, url):
    with httpx2.Client() as client, pytest.raises(Unavailable):
        PcsClient(url, client).collateral(scene.quote)


# Quotes that only name their PCK.


@pytest.fixture
def pckcert(platform, pck_chain):
    """The chain as a service gives it: the certificate, and who issued it in a header."""
    leaf = platform.provisioning.pck.pem
    return httpx2.Response(
        200, content=leaf, headers={"SGX-PCK-Certificate-Issuer-Chain": percent(pck_chain.removeprefix(leaf))}
    )


def test_the_chain_is_fetched_for_a_quote_that_only_names_its_pck(fetch, naming, pckcert, platform, scene):
    named = naming(given=None)
    collateral, asked = fetch(named, pckcert=pckcert)
    assert named.verify(collateral=json.loads(collateral.encode())) == scene.verify()
    pck, quoting_enclave = scene.verify().pck, platform.quoting_enclave.qe_id.hex()
    assert asked[0] == (
        f"pckcert?cpusvn={pck.cpu_svn}&pcesvn={pck.pce_svn.to_bytes(2, 'little').hex()}&pceid=0000"
        f"&encrypted_ppid={'3f' * 384}&qeid={quoting_enclave}"
    )


@pytest.mark.parametrize("kind", [CertificationKind.PPID, CertificationKind.PPID_RSA_2048])
def test_a_name_in_an_older_form_is_asked_for_by_its_quoting_enclave(fetch, naming, pckcert, kind):
    _, asked = fetch(naming(kind, given=None, pce_id=None), pckcert=pckcert)
    assert "&pceid=0000&qeid=" in asked[0]
    assert "ppid" not in asked[0]


def test_a_name_says_of_which_pce_the_pck_is(fetch, naming, pckcert):
    _, asked = fetch(naming(given=None, pce_id=b"\1\0"), pckcert=pckcert)
    assert "&pceid=0100&" in asked[0]


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\xff", b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"]
)
def test_an_answer_without_a_pck_is_no_verdict(fetch, naming, pckcert, content):
    answer = httpx2.Response(
        200, content=content, headers=dict(pckcert.headers) | {"content-length": str(len(content))}
    )
    with pytest.raises(Unavailable, match="no certificate of a PCK"):
        fetch(naming(given=None), pckcert=answer)


def test_a_chain_without_end_is_no_verdict(fetch, naming, pckcert):
    """What is remembered of strangers' questions takes as much memory as a service gives for them."""
    long = pckcert.content * 100
    answer = httpx2.Response(200, content=long, headers=dict(pckcert.headers) | {"content-length": str(len(long))})
    with pytest.raises(Unavailable, match="more than 65536 bytes"):
        fetch(naming(given=None), pckcert=answer)


def test_a_quote_that_brings_its_chain_needs_none(fetch):
    collateral, asked = fetch()
    assert collateral.pck_certificate_chain is None
    assert not any("pckcert" in each for each in asked)


def test_intels_service_gets_the_subscription_key_where_it_asks_for_one_and_nobody_elses_names(naming, pckcert, scene):
    seen = []
    given = answers(scene.collateral) | {"pckcert": pckcert}

    def handle(request):
        seen.append((request.url.path.rpartition("/v4/")[2], request.headers.get("ocp-apim-subscription-key")))
        assert "qeid" not in request.url.params
        return given.get(seen[-1][0], given["rootcacrl"])

    with httpx2.Client(transport=httpx2.MockTransport(handle)) as client:
        service = PcsClient(INTEL_PCS, client, subscription="from-intel")
        service.collateral(naming(given=None).quote)
    assert [path for path, key in seen if key is not None] == ["pckcert"]
    assert dict(seen)["pckcert"] == "from-intel"
    assert "from-intel" not in repr(service)


def test_a_service_that_wants_a_key_says_so(fetch, naming):
    with pytest.raises(Unavailable, match="subscription key"):
        fetch(naming(given=None), pckcert=httpx2.Response(401))


@pytest.mark.parametrize("kind", [0, 4, 6, 7, 99])
def test_a_quote_that_names_nothing_cannot_be_asked_about(fetch, scene, kind):
    certification = replace(Quote.parse(scene.quote).signature.certification, kind=kind)
    with pytest.raises(Malformed, match=f"type {kind} name no PCK"):
        fetch(scene.with_signature(certification=certification))


# What may share collateral.


def test_quotes_of_one_kind_of_platform_share_collateral(scene, debug_scene, make_scene):
    kind = PlatformKind(tee=Tee.SGX, fmspc=scene.verify().pck.fmspc, ca=PckCa.PROCESSOR)
    assert platform_kind_of(scene.quote) == platform_kind_of(debug_scene.quote) == kind
    assert len({kind, platform_kind_of(scene.quote)}) == 1
    other = make_scene(machine=Machine(ppid=bytes(16), ca=MachineCa.PLATFORM))
    assert platform_kind_of(other.quote) == replace(kind, ca=PckCa.PLATFORM)


def test_collateral_for_a_domain_is_of_its_own_kind(scene, domain_scene):
    assert platform_kind_of(domain_scene.quote) == replace(platform_kind_of(scene.quote), tee=Tee.TDX)


def test_the_leaf_is_found_wherever_it_stands(scene):
    end = b"-----END CERTIFICATE-----"
    chain = Quote.parse(scene.quote).signature.certification.data
    first, second, third = (part.strip() + end for part in chain.split(end)[:3])
    certification = replace(Quote.parse(scene.quote).signature.certification, data=third + second + first)
    assert platform_kind_of(scene.with_signature(certification=certification).quote) == platform_kind_of(scene.quote)


@pytest.mark.parametrize("octets", [b"", bytes(48), b"x" * 5000])
def test_what_is_no_quote_has_no_kind(octets):
    with pytest.raises(Malformed):
        platform_kind_of(octets)


def test_a_quote_without_a_usable_chain_has_no_kind(scene):
    provisioning = scene.platform.provisioning
    certification = Quote.parse(scene.quote).signature.certification
    named = scene.with_signature(certification=replace(certification, kind=1)).quote
    with pytest.raises(Malformed, match="not a PEM chain"):
        platform_kind_of(named)
    assert platform_kind_of(named, certification.data) == platform_kind_of(scene.quote)
    with pytest.raises(Malformed, match="without a leaf"):
        platform_kind_of(scene.with_chain(provisioning.root.certificate).quote)
    with pytest.raises(ChainRejected):
        platform_kind_of(scene.with_chain(provisioning.tcb_signer.certificate).quote)
    with pytest.raises(CaissonError):
        platform_kind_of(scene.with_signature(certification=replace(certification, data=b"")).quote)
