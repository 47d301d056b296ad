"""`caisson keyserver`: what people type, and what they read; serving is tested in tests/platform."""

import json
import stat

import pytest

from caisson.cli.app import run
from caisson.keyserver import public_face


@pytest.fixture
def made(tmp_path, capsys):
    arguments = ["--state", str(tmp_path / "state"), "--unseal-key-file", str(tmp_path / "unseal.key")]
    assert run(["keyserver", "init", *arguments, "--token-file", str(tmp_path / "token")]) == 0
    capsys.readouterr()
    return tmp_path


def test_init_shows_the_pin_and_puts_the_token_into_a_file(tmp_path, capsys):
    arguments = ["--state", str(tmp_path / "state"), "--unseal-key-file", str(tmp_path / "unseal.key")]
    assert run(["keyserver", "init", *arguments, "--token-file", str(tmp_path / "token")]) == 0
    out, err = capsys.readouterr()
    assert out == (
        f"identity      {public_face(tmp_path / 'state').key_hash}\n"
        "trust domain  caisson.local\n"
        f"token         in `{tmp_path / 'token'}`\n"
    )
    assert err == ""
    assert (tmp_path / "token").read_text().startswith("caisson-")
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_init_shows_the_token_once_if_no_file_is_given(tmp_path, capsys):
    arguments = ["--state", str(tmp_path / "state"), "--unseal-key-file", str(tmp_path / "unseal.key")]
    assert run(["keyserver", "init", *arguments, "--json", "--trust-domain", "example.org"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said) == {"version", "server_key_sha256", "trust_domain", "ca", "token"}
    assert said["trust_domain"] == "example.org"
    for file in (tmp_path / "state").iterdir():
        assert said["token"].encode() not in file.read_bytes()


@pytest.mark.parametrize("there", ["state", "unseal.key", "token"])
def test_init_overwrites_nothing(made, capsys, there):
    fresh = {"state": made / "a", "unseal.key": made / "b", "token": made / "c"} | {there: made / there}
    before = {file: file.read_bytes() for file in made.rglob("*") if file.is_file()}
    code = run(
        [
            *("keyserver", "init", "--state", str(fresh["state"]), "--unseal-key-file", str(fresh["unseal.key"])),
            *("--token-file", str(fresh["token"])),
        ]
    )
    assert code == 2
    assert "exists" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in made.rglob("*") if file.is_file()} == before


def test_identity_prints_the_pin_and_nothing_else(made, capsys):
    assert run(["keyserver", "identity", "--state", str(made / "state")]) == 0
    assert capsys.readouterr() == (f"{public_face(made / 'state').key_hash}\n", "")


def test_ca_prints_a_certificate(made, capsys):
    assert run(["keyserver", "ca", "--state", str(made / "state")]) == 0
    assert capsys.readouterr() == (public_face(made / "state").ca_pem, "")


@pytest.mark.parametrize("command", ["identity", "ca"])
def test_a_directory_without_a_server_says_how_to_make_one(tmp_path, capsys, command):
    assert run(["keyserver", command, "--state", str(tmp_path)]) == 2
    assert capsys.readouterr() == (
        "",
        f"error: `{tmp_path}` holds no key server\nhint: create one with `caisson keyserver init --state {tmp_path}`\n",
    )


def test_a_trust_domain_is_a_plain_name(tmp_path, capsys):
    arguments = ["--state", str(tmp_path / "state"), "--unseal-key-file", str(tmp_path / "unseal.key")]
    assert run(["keyserver", "init", *arguments, "--trust-domain", "Example/Org"]) == 2
    assert capsys.readouterr().err == (
        "error: `Example/Org` is not a trust domain\nhint: use lower-case letters, digits, dots and dashes\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_token_is_made_listed_and_revoked(keyserver):
    output = keyserver.directory / "ann.token"
    assert keyserver("keyserver", "token", "create", "ann", "--output", str(output))[0] == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    ann = next(info for info in keyserver.operator.tokens() if info.name == "ann")
    code, out, _ = keyserver("keyserver", "token", "list")
    assert code == 0
    assert f"{ann.identifier}  ann    2026-11-23 12:00:00\n" in out
    assert output.read_text().strip() not in out
    mine = ["--token-file", str(output)]
    assert keyserver("secret", "list", *mine)[0] == 0
    assert keyserver("keyserver", "token", "revoke", ann.identifier) == (
        0,
        f"token `{ann.identifier}` is revoked\n",
        "",
    )
    assert keyserver("secret", "list", *mine)[0] == 1
    assert keyserver("keyserver", "token", "revoke", ann.identifier) == (
        1,
        "",
        (
            f"error: there is no token `{ann.identifier}`\n"
            "hint: `caisson keyserver token list` shows those that there are\n"
        ),
    )


@pytest.mark.parametrize("place", ["state/token", "state/server/token"])
def test_the_token_may_lie_beside_the_server_or_with_it(tmp_path, place):
    arguments = ("--state", str(tmp_path / "state" / "server"), "--unseal-key-file", str(tmp_path / "unseal.key"))
    assert run(["keyserver", "init", *arguments, "--token-file", str(tmp_path / place)]) == 0
    assert (tmp_path / place).read_text().startswith("caisson-")


def test_init_makes_no_server_whose_only_token_has_no_place_to_go(tmp_path, capsys):
    state, key = tmp_path / "state", tmp_path / "unseal.key"
    arguments = ("keyserver", "init", "--state", str(state), "--unseal-key-file", str(key))
    assert run([*arguments, "--token-file", str(tmp_path / "nowhere" / "token")]) == 2
    assert "error: cannot write " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    key.touch()
    assert run([*arguments, "--token-file", str(tmp_path / "token")]) == 2
    assert list(tmp_path.iterdir()) == [key], "and no token of no server"


@pytest.mark.parametrize("command", [[], ["init"], ["serve"], ["dev"], ["identity"], ["ca"], ["token"]])
def test_every_help_ends_with_an_example(capsys, command):
    assert run(["keyserver", *command, "--help"]) == 0
    assert "Example:\n    caisson " in capsys.readouterr().out


@pytest.mark.parametrize("network", ["*", "", "10.0.0.1/8", "balancer", "10.0.0.0/33"])
def test_a_proxy_is_trusted_by_its_address(made, capsys, network):
    arguments = ["--state", str(made / "state"), "--unseal-key-file", str(made / "unseal.key"), "--pcs", "http://pcs"]
    assert run(["keyserver", "serve", *arguments, "--trusted-proxy", network]) == 2
    assert capsys.readouterr() == (
        "",
        f"error: `{network}` is neither an address nor a network\nhint: as in `10.0.0.0/8`\n",
    )


def test_a_certificate_needs_its_key(made, capsys):
    state = ("--state", str(made / "state"), "--unseal-key-file", str(made / "unseal.key"))
    certificate = ("--tls-certificate", str(made / "certificate.pem"))
    assert run(["keyserver", "serve", *state, "--pcs", "http://127.0.0.1:1/", *certificate]) == 2
    assert "error: a certificate needs its key" in capsys.readouterr().err
