"""`caisson collateral` on files; the services are in tests/platform."""

import json

import httpx2
import pytest

from caisson.cli import collateral as collateral_module
from caisson.cli.app import run
from tests.guest import make_platform

NOW = 1_795_435_200.0


@pytest.fixture(scope="module")
def platform():
    return make_platform(NOW)


@pytest.fixture
def bundle(tmp_path, platform):
    path = tmp_path / "collateral.json"
    path.write_text(json.dumps(platform.collateral()))
    (tmp_path / "root.pem").write_text(platform.provisioning.root.pem)
    return path


@pytest.fixture
def kds(monkeypatch):
    """AMD's service: answers with the path that was asked for."""

    def client(**_):
        return httpx2.Client(
            transport=httpx2.MockTransport(lambda request: httpx2.Response(200, content=request.url.path.encode()))
        )

    monkeypatch.setattr(collateral_module, "web_client", client)


def test_verification_says_until_when(bundle, capsys):
    root = str(bundle.parent / "root.pem")
    assert run(["collateral", "verify", str(bundle), "--root", root, "--at", "2026-11-23T13:00:00+01:00"]) == 0
    assert capsys.readouterr().out.endswith("until 2026-12-23T12:00:00+00:00\n")
    assert run(["collateral", "verify", str(bundle), "--root", root, "--at", "2027-11-23T12:00:00Z"]) == 1
    assert "hint: fetch fresh collateral" in capsys.readouterr().err


def test_a_date_is_its_first_moment(bundle, capsys):
    root = str(bundle.parent / "root.pem")
    assert run(["collateral", "verify", str(bundle), "--root", root, "--at", "2026-11-23"]) == 1
    assert "is valid from 2026-11-23T12:00:00+00:00 on, and it is 2026-11-23T00:00:00+00:00" in capsys.readouterr().err
    assert run(["collateral", "verify", str(bundle), "--root", root, "--at", "2026-11-24"]) == 0


@pytest.mark.parametrize("moment", ["yesterday", "20261123", "12"])
def test_a_time_is_written_as_one(bundle, moment, capsys):
    assert run(["collateral", "verify", str(bundle), "--at", moment]) == 2
    assert "is not a time such as" in capsys.readouterr().err


@pytest.mark.parametrize("moment", ["2026-11-23T12:00:00", "2026-11-23 12:00"])
def test_a_time_needs_its_zone(bundle, moment, capsys):
    assert run(["collateral", "verify", str(bundle), "--at", moment]) == 2
    assert f"`{moment}` names no time zone: `Z` at its end stands for UTC" in capsys.readouterr().err


def test_a_directory_is_no_collateral_for_a_quote(tmp_path, capsys):
    assert run(["collateral", "show", str(tmp_path)]) == 2
    assert f"collateral for a quote is a file, and `{tmp_path}` is a directory" in capsys.readouterr().err


def test_what_is_shown_is_called_not_verified(bundle, capsys):
    changed = json.loads(bundle.read_text())
    changed["tcb_info_signature"] = "00" * 64
    bundle.write_text(json.dumps(changed))
    assert run(["collateral", "show", str(bundle), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["verified"], said["tee"], said["tcb_evaluation_data_number"]) == (False, "SGX", 20)
    changed["pck_crl"] = "00"
    bundle.write_text(json.dumps(changed))
    assert run(["collateral", "show", str(bundle)]) == 1
    assert capsys.readouterr().err.startswith(
        f"error: `{bundle}`: collateral has a revocation list that is none\nhint: "
    )


@pytest.mark.usefixtures("kds")
def test_a_report_gets_a_directory(tmp_path, capsys):
    report = bytearray(1184)
    report[0] = 3
    report[0x188:0x18B] = b"\x19\x11\x01"
    report[0x1A0] = 1
    path = tmp_path / "report.bin"
    path.write_bytes(report)
    output = tmp_path / "amd"
    assert run(["collateral", "fetch", str(path), "-o", str(output)]) == 0
    assert capsys.readouterr().out.split() == [str(output / name) for name in ("vek.der", "chain.pem", "crl.der")]
    assert (output / "chain.pem").read_text() == "/vcek/v1/Genoa/cert_chain"
    assert run(["collateral", "fetch", str(path), "-o", str(output)]) == 2
    assert "exists" in capsys.readouterr().err
    assert run(["collateral", "fetch", str(path), "-o", str(output), "--force", "--product", "Milan"]) == 0
    assert (output / "crl.der").read_text() == "/vcek/v1/Milan/crl"
    assert run(["collateral", "verify", str(output)]) == 1
    report[0x48] = 4
    path.write_bytes(report)
    (tmp_path / "vlek.der").write_bytes(b"vlek")
    arguments = ["collateral", "fetch", str(path), "-o", str(output), "--force"]
    assert run(arguments) == 2
    assert run([*arguments, "--vlek", str(tmp_path / "vlek.der")]) == 0
    assert (output / "vek.der").read_text() == "vlek"
    assert run(["collateral", "fetch", str(path), "-o", str(path / "below"), "--vlek", str(path)]) == 2
    assert "cannot make the directory" in capsys.readouterr().err


def test_snp_collateral_is_verified_under_amds_roots_unless_others_are_named(vectors, capsys, tmp_path):
    """A real chip's."""
    manifest = json.loads((vectors / "evidence" / "MANIFEST.json").read_bytes())
    found = next(
        directory
        for entry in manifest["snp_reports"]
        if ((directory := vectors / "evidence" / entry["id"]) / "vcek.der").exists()
        and (directory / "ask.pem").exists()
    )
    (tmp_path / "vek.der").write_bytes((found / "vcek.der").read_bytes())
    (tmp_path / "chain.pem").write_bytes((found / "ask.pem").read_bytes() + (found / "ark.pem").read_bytes())
    assert run(["collateral", "verify", str(tmp_path), "--json", "--at", "2026-01-01T00:00:00Z"]) == 0
    assert json.loads(capsys.readouterr().out)["revocation_checked"] is False
    assert run(["collateral", "verify", str(tmp_path), "--at", "1999-01-01T00:00:00Z"]) == 1
    assert run(["collateral", "verify", str(tmp_path), "--at", "2026-01-01T00:00:00Z", "--root", "intel-sgx"]) == 1
    assert "which is not accepted" in capsys.readouterr().err


def test_files_are_read_within_limits(tmp_path, capsys):
    assert run(["collateral", "fetch", str(tmp_path / "nowhere"), "-o", "x"]) == 2
    assert "cannot read" in capsys.readouterr().err
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate((256 << 20) + 1)
    assert run(["collateral", "show", str(huge)]) == 2
    assert "more than" in capsys.readouterr().err
