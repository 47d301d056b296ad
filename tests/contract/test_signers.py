"""One image, signed by one key in every way there is: the same 1,808 bytes, and the same image."""

import os
import subprocess

import pytest

from caisson.conversion import SIGSTRUCT, Recipe, SigningRequest, attach_detached, open_prepared, prepare, verify_image
from caisson.enclave import Pkcs11Uri, SigningKey, load_public_key, public_pem
from caisson.enclave.token_key import TokenKey
from caisson.oci import FileSystem
from tests.softhsm import MODULE, PIN
from tests.unit.conversion.conftest import RECIPE, Workbench


@pytest.fixture(scope="module")
def key():
    return SigningKey.generate()


@pytest.fixture
def bench(tmp_path, key):
    return Workbench(tmp_path, key)


@pytest.fixture
def prepared(bench):
    return prepare(
        bench.plain(), Recipe.parse(RECIPE.encode()), premain=bench.premain, scratch=bench.scratch, key_server_pin=None
    )


@pytest.fixture
def pem(tmp_path, key):
    path = tmp_path / "author.pem"
    path.write_bytes(key.to_pem(None))
    return path


def by_file(prepared, key, **_):
    return prepared.sign(SigningKey.load(key.to_pem(None)))


def by_token(prepared, token, **_):
    with TokenKey.open(Pkcs11Uri.parse(token.uri()), PIN.encode()) as held:
        return prepared.sign(held)


def detached(prepared, key, command, tmp_path):
    """Export, have another program sign, and import: nothing of the key is here but its public half."""
    image = prepared.image
    request = SigningRequest.of(image, prepared)
    (tmp_path / "tbs").write_bytes(request.to_be_signed)
    subprocess.run([*command, tmp_path / "tbs"], check=True, capture_output=True, env={**os.environ, "PIN": PIN})
    return attach_detached(
        request,
        image,
        open_prepared(image, scratch=tmp_path),
        modulus=load_public_key(public_pem(key.modulus)),
        signature=(tmp_path / "tbs.sig").read_bytes(),
    )


def by_openssl(prepared, key, pem, tmp_path, **_):
    command = ["openssl", "dgst", "-sha256", "-sign", pem, "-out", tmp_path / "tbs.sig"]
    return detached(prepared, key, command, tmp_path)


def by_pkcs11_tool(prepared, key, token, tmp_path, **_):
    command = ["pkcs11-tool", "--module", MODULE, "--token-label", token.label, "--login", "--pin", "env:PIN"]
    command += ["--sign", "--mechanism", "SHA256-RSA-PKCS", "--label", "author"]
    return detached(prepared, key, [*command, "-o", tmp_path / "tbs.sig", "-i"], tmp_path)


@pytest.mark.parametrize("way", [by_file, by_token, by_openssl, by_pkcs11_tool])
def test_one_key_gives_one_signature_and_one_image(way, prepared, bench, key, pem, token, tmp_path):
    token.put(pem, label="author")
    expected = bench.convert().image
    built = way(prepared, key=key, pem=pem, token=token, tmp_path=tmp_path)
    assert signature(built.image) == signature(expected)
    assert len(signature(expected)) == 1808
    assert built.image.documents == expected.documents
    assert verify_image(built.image).mr_signer == key.mr_signer == built.mr_signer


def signature(image):
    return FileSystem.of(image).find(SIGSTRUCT).content.read()
