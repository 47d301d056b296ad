"""`caisson sign` and `caisson build --from`: what people do with keys that are files, in tokens, or elsewhere."""

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from caisson.cli.app import run
from tests.cli.test_build import BUILD
from tests.softhsm import PIN

UNSIGNED = ("build", "--recipe", "caisson.toml", "--unsigned", "rootfs:root")


@pytest.fixture
def say(desk, capsys):  # noqa: ARG001 - commands run at the desk
    def say(*arguments, code=0):
        capsys.readouterr()
        assert run(arguments) == code, capsys.readouterr()
        return capsys.readouterr()

    return say


@pytest.fixture
def hsm(desk, token):
    token.put(desk / "key.pem", label="author")
    (desk / "pin").write_text(f"{PIN}\n")
    return token


def test_an_unsigned_image_says_so_and_is_refused(say):
    out, err = say(*UNSIGNED, "oci:out:v1")
    assert "MRSIGNER   none: not signed\n" in out
    assert err == "this image is not signed: sign it with `caisson sign`\n"
    assert "MRSIGNER   none: not signed\n" in say("inspect", "oci:out:v1").out
    assert json.loads(say("inspect", "oci:out:v1", "--json").out)["confidential"]["mrsigner"] is None
    assert say("verify", "oci:out:v1", code=1).err == (
        "error: the image is not signed yet\nhint: sign it with `caisson sign`\n"
    )


def test_a_file_a_token_and_a_detached_signature_give_one_digest(say, hsm):
    expected = json.loads(say(*BUILD, "rootfs:root", "oci:out:direct", "--json").out)
    say(*UNSIGNED, "oci:out:v1")
    say("sign", "--key", "key.pem", "oci:out:v1", "oci:out:file")
    say("sign", "--key", hsm.uri(), "--passphrase-file", "pin", "oci:out:v1", "oci:out:token")
    said = say("sign", "--export", "tbs", "oci:out:v1").out
    assert json.loads(said)["mrenclave"] == expected["mrenclave"]
    assert Path("tbs").stat().st_size == 256
    Path("key.pub").write_text(say("key", "show", "key.pem", "--public").out)
    subprocess.run(["openssl", "dgst", "-sha256", "-sign", "key.pem", "-out", "tbs.sig", "tbs"], check=True)
    say("sign", "--import", "tbs", "--public-key", "key.pub", "oci:out:v1", "oci:out:detached")
    for tag in ("file", "token", "detached"):
        verified = json.loads(say("verify", f"oci:out:{tag}", "--json").out)
        assert (verified["digest"], verified["mrsigner"]) == (expected["digest"], expected["mrsigner"])


def test_build_takes_a_key_in_a_token_with_its_pin_from_any_place(say, hsm, monkeypatch, desk):
    uri = hsm.uri(more=f"&pin-source=file:{desk}/pin")
    first = json.loads(say("build", "--recipe", "caisson.toml", "--key", uri, "rootfs:root", "oci:a", "--json").out)
    monkeypatch.setenv("CAISSON_PKCS11_PIN", PIN)
    build = ("build", "--recipe", "caisson.toml", "--key", hsm.uri(), "rootfs:root", "oci:b", "--json")
    assert json.loads(say(*build).out)["digest"] == first["digest"]
    assert say("key", "show", hsm.uri()).out == f"{first['mrsigner']}\n"
    monkeypatch.setenv("CAISSON_PKCS11_PIN", "0000")
    assert "refuses the PIN" in say("key", "show", hsm.uri(), code=2).err


def test_a_published_image_is_pinned_and_signed_by_its_deployer(say):
    published = json.loads(say(*BUILD, "rootfs:root", "oci:out:v1", "--json").out)
    say("key", "generate", "--output", "mine.pem")
    mine = ("build", "--from", "oci:out:v1", "--key", "mine.pem", "--key-server-pin", "ab" * 32)
    built = json.loads(say(*mine, "oci:out:mine", "--json").out)
    verified = json.loads(say("verify", "oci:out:mine", "--json").out)
    assert verified["key_server_pin"] == "ab" * 32
    assert built["mrenclave"] == verified["mrenclave"] != published["mrenclave"]
    assert built["mrsigner"] == verified["mrsigner"] != published["mrsigner"]
    assert built["isv_svn"] == published["isv_svn"]


def test_a_key_and_a_pin_leave_no_trace(say, hsm, desk, key):
    """Not in a layer, the history or the configuration of an image, not in what is printed or exported."""
    told = [*say(*UNSIGNED, "oci:out:v1"), *say("sign", "--export", "tbs", "oci:out:v1")]
    told += say("sign", "--key", "key.pem", "oci:out:v1", "oci:out:file")
    told += say("sign", "--key", hsm.uri(), "--passphrase-file", "pin", "oci:out:v1", "oci:out:token", "--json")
    told += say("sign", "--key", hsm.uri("nothing"), "--passphrase-file", "pin", "oci:out:v1", "oci:x", code=2)
    heaps = [line.encode() for line in told]
    heaps += [path.read_bytes() for path in (desk / "out").rglob("*") if path.is_file()]
    heaps += [gzip.decompress(heap) for heap in heaps if heap.startswith(b"\x1f\x8b")]
    heaps += [(desk / name).read_bytes() for name in ("tbs", "tbs.json")]
    pem = (desk / "key.pem").read_bytes().splitlines()[1:-1]
    numbers = key._key.private_numbers()
    secrets = [PIN.encode(), *pem]
    for number in (numbers.d, numbers.p, numbers.q):
        size = (number.bit_length() + 7) // 8
        secrets += [number.to_bytes(size, order) for order in ("big", "little")]
    assert [secret for secret in secrets for heap in heaps if secret in heap] == []
    assert len(heaps) > 20


def test_a_pin_on_the_command_line_is_refused(say, hsm):
    refused = say("key", "show", hsm.uri(more=f"&pin-value={PIN}"), code=2)
    assert PIN not in refused.err + refused.out
