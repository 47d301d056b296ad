"""AMD's key distribution service: the right question for each chip and firmware, and every failure said in words."""

from dataclasses import replace

import httpx2
import pytest

from caisson.errors import Malformed, Unavailable, UntrustedRoot, UsageError
from caisson.evidence.snp import KdsClient, SnpCollateral, check_snp_collateral, verify_snp
from caisson.evidence.snp.collateral import CHAIN
from caisson.snp import ChipId, Product, Report, SigningKey
from tests.unit.evidence.snp.conftest import AT, CHIP

URL = "https://kds.test"


@pytest.fixture
def asked():
    return []


@pytest.fixture
def fetch(asked):
    """Fetch what belongs to a report; give what came, or let the service answer with something else."""

    def fetch(report, *, answers=None, **options):
        def handle(request):
            asked.append(str(request.url).removeprefix(URL))
            answer = (answers or {}).get(request.url.path.rpartition("/")[2], httpx2.Response(200, content=b"vcek"))
            if isinstance(answer, Exception):
                raise answer
            return answer

        with httpx2.Client(transport=httpx2.MockTransport(handle)) as client:
            return KdsClient(f"{URL}/", client).collateral(report, **options)

    return fetch


def changed(report, **changes):
    return replace(Report.parse(report), **changes).encode()


def test_a_chips_certificate_is_asked_for_by_chip_and_firmware(fetch, asked, maker):
    report = Report.parse(maker.case().report)
    tcb = report.reported_tcb.components(Product.GENOA)
    fetch(report.encode())
    levels = f"blSPL={tcb.bootloader:02}&teeSPL={tcb.tee:02}&snpSPL={tcb.snp:02}&ucodeSPL={tcb.microcode:02}"
    assert asked == [f"/vcek/v1/Genoa/{CHIP.hex()}?{levels}", "/vcek/v1/Genoa/cert_chain", "/vcek/v1/Genoa/crl"]


def test_turin_has_shorter_names_and_one_level_more(fetch, asked, maker):
    fetch(maker.case("Turin").report)
    assert asked[0].startswith(f"/vcek/v1/Turin/{CHIP[:8].hex()}?fmcSPL=")


def test_what_is_fetched_verifies(fetch, maker):
    case = maker.case()
    crl = maker.crl()
    answers = {
        CHIP.hex(): httpx2.Response(200, content=case.vek),
        "cert_chain": httpx2.Response(200, content=case.chain),
        "crl": httpx2.Response(200, content=crl),
    }
    got = fetch(case.report, answers=answers)
    assert got == SnpCollateral(vek=case.vek, chain=case.chain, crl=crl)
    assert verify_snp(case.report, got.vek, got.chain, crl=got.crl, roots=case.roots, at=AT).revocation_checked
    checked = check_snp_collateral(got, roots=case.roots, at=AT)
    assert (checked.vek.product, checked.revocation_checked) == (Product.GENOA, True)
    with pytest.raises(UntrustedRoot):
        check_snp_collateral(got, roots=frozenset(), at=AT)


def test_a_vlek_comes_from_the_provider(fetch, asked, maker):
    report = maker.case(kind="VLEK").report
    with pytest.raises(UsageError, match="VLEK") as caught:
        fetch(report)
    assert "--vlek" in caught.value.hint
    assert fetch(report, vlek=b"given").vek == b"given"
    assert asked == ["/vlek/v1/Genoa/cert_chain", "/vlek/v1/Genoa/crl"]


def test_the_certificate_of_a_vlek_is_not_taken_for_that_of_a_chip(fetch, asked, maker):
    assert fetch(maker.case().report, vlek=b"given").vek == b"vcek"
    assert asked[0].startswith(f"/vcek/v1/Genoa/{CHIP.hex()}?")


def test_an_old_report_does_not_say_its_product(fetch, asked, maker):
    old = maker.case(version=2).report
    with pytest.raises(UsageError, match="does not say") as caught:
        fetch(old)
    assert "Milan, Genoa, Turin" in caught.value.hint
    fetch(old, product=Product.GENOA)
    assert asked[0].startswith("/vcek/v1/Genoa/")


def test_what_cannot_be_asked_for_is_said(fetch, asked, maker):
    report = maker.case().report
    with pytest.raises(UsageError, match="hides its chip"):
        fetch(changed(report, chip_id=ChipId(bytes(64))))
    unsigned = replace(Report.parse(report).key_info, signing_key=SigningKey.NONE)
    with pytest.raises(UsageError, match="no key"):
        fetch(changed(report, key_info=unsigned))
    with pytest.raises(Malformed):
        fetch(b"")
    assert not asked


@pytest.mark.parametrize("path", [CHIP.hex(), "cert_chain", "crl"])
def test_failures_are_no_verdict(fetch, maker, path):
    report = maker.case().report
    for answer, words in (
        (httpx2.Response(404), "does not know this chip"),
        (httpx2.Response(429, headers={"retry-after": "10"}), "asked too often"),
        (httpx2.Response(500), "it failed"),
        (httpx2.Response(200, content=bytes(5 << 20)), "more than"),
        (httpx2.ConnectError("refused"), "refused"),
    ):
        with pytest.raises(Unavailable, match=words):
            fetch(report, answers={path: answer})


def test_collateral_lives_in_files(tmp_path):
    both = SnpCollateral(vek=b"v", chain=b"c", crl=b"r")
    for collateral, names in ((both, 3), (replace(both, crl=None), 2)):
        directory = tmp_path / str(names)
        directory.mkdir()
        for name, content in collateral.files().items():
            (directory / name).write_bytes(content)
        assert len(list(directory.iterdir())) == names
        assert SnpCollateral.read(directory) == collateral
    with pytest.raises(UsageError, match="cannot read"):
        SnpCollateral.read(tmp_path)
    with pytest.raises(UsageError, match="is a directory, and"):
        SnpCollateral.read(directory / CHAIN)
    (tmp_path / "3" / "vek.der").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(Malformed, match="more than"):
        SnpCollateral.read(tmp_path / "3")
