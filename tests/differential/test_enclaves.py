"""Random enclaves, measured and signed by Gramine's own tools and by ours: the same to the last byte."""

import hashlib
import json
from pathlib import Path

import pytest

from caisson.enclave import EnclaveParameters, Manifest, SigningKey, measure, sign
from caisson.enclave.manifest import Foreign
from caisson.errors import Malformed
from tests.differential import oracle
from tests.differential.enclaves import Case, case, pal

pytestmark = oracle.needed

ENTRYPOINT = '[loader.entrypoint]\nuri = "file:libsysdb.so"\nsha256 = ""\n'
DEFAULTS = {json.dumps(["sgx.enable_stats", False]), json.dumps(["sgx.use_exinfo", False])}


@pytest.fixture(scope="module")
def key():
    return SigningKey.generate()


@pytest.fixture(scope="module")
def key_file(key, tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "key.pem"
    path.write_bytes(key.to_pem(None))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files to be trusted: empty, small, longer than a buffer, and with a name that is hard to write."""
    directory = tmp_path_factory.mktemp("files")
    contents = {"empty": b"", "one": b"1", "ünï cödé'": b"2" * 100, "long": b"3" * 100_001}
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    return [directory / name for name in contents]


@pytest.fixture(params=oracle.seeds(4))
def made(request, tmp_path, files):
    made = case(oracle.chance(request.param), files)
    made.write(tmp_path)
    return made


def test_its_final_manifest_says_the_same_and_gets_the_same_sigstruct(made, tmp_path, key, key_file):
    signed = oracle.sign(tmp_path, key_file, date=made.date)
    assert signed.returncode == 0, signed.stderr
    raw = (tmp_path / "app.manifest.sgx").read_bytes()
    assert sign(made.pal, raw, key, date=made.date).encode().hex() == (tmp_path / "app.sig").read_bytes().hex()
    assert EnclaveParameters.parse(made.manifest.encode()) == EnclaveParameters.parse(raw)

    source, final = Foreign.parse(made.manifest.encode()), Foreign.parse(raw)
    hashes = {
        uri: digest or hashlib.sha256(Path(uri.removeprefix("file:")).read_bytes()).hexdigest()
        for uri, digest in source.trusted().items()
    }
    assert final.trusted() == hashes
    assert source.variables() == final.variables()
    assert [setting for setting in source.settings() if setting.fault] == []


def test_any_spelling_gets_the_same_sigstruct(made, tmp_path, key, key_file):
    theirs = oracle.sign_as_it_stands(tmp_path, key_file, date=made.date)
    assert sign(made.pal, made.manifest.encode(), key, date=made.date).encode().hex() == theirs.hex()


def test_nothing_in_a_manifest_that_is_written_here_is_left_for_gramine_to_add(made, tmp_path, key_file):
    assert oracle.sign(tmp_path, key_file, date=made.date).returncode == 0
    model = Foreign.parse((tmp_path / "app.manifest.sgx").read_bytes()).model()
    written = model.encode()
    (tmp_path / "app.manifest").write_bytes(written)
    checked = oracle.tool("gramine-manifest-check", tmp_path / "app.manifest")
    assert (checked.returncode, checked.stdout) == (0, "")
    assert oracle.sign(tmp_path, key_file, date=made.date).returncode == 0
    final = (tmp_path / "app.manifest.sgx").read_bytes()
    # These two have to be left out where they are not wanted: Gramine's default is the same.
    assert _settings(written) <= _settings(final) <= _settings(written) | DEFAULTS
    assert Foreign.parse(final).model() == model == Manifest.parse(written)


@pytest.mark.parametrize("threads", [1, 3])
def test_an_enclave_that_just_fits_fits_for_both(tmp_path, key_file, threads):
    chance = oracle.chance(threads)
    image = pal(chance, 0)
    for bits in range(17, 23):
        manifest = f"{ENTRYPOINT}[sgx]\nmax_threads = {threads}\nenclave_size = '{1 << bits}'\n"
        Case(pal=image, manifest=manifest, date="0000-00-00").write(tmp_path)
        signed = oracle.sign(tmp_path, key_file, date="0000-00-00")
        try:
            measure(image, manifest.encode())
            fits = True
        except Malformed:
            fits = False
        assert fits == (signed.returncode == 0), (bits, signed.stderr)


def _settings(raw):
    return {json.dumps([setting.path, setting.value]) for setting in Foreign.parse(raw).settings()}
