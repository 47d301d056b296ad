"""Code and configuration that the host cannot read: under gramine-direct, with the key from the key server."""

import subprocess

import pytest

from caisson.evidence import EnclaveRule
from caisson.keyserver import Workload
from tests.system.gramine.recipes import APP, ENCRYPTED
from tests.system.gramine.test_direct import page, wait_until

pytestmark = pytest.mark.slow

WORDS = ("the rule of the house", "the canary sings", "settings.json", "rules/__init__")


@pytest.fixture(scope="module")
def built(place, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    for name, text in APP.items():
        path = folder / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place.build(ENCRYPTED, "encrypted", folder)


def refused(place, built):
    """Start it, and give what it says when it ends; it must not have answered."""
    with place.run(built) as process:
        output = process.communicate(timeout=60)[0].decode()
    return process.returncode, output


def test_a_program_reads_its_own_code_and_the_host_does_not(place, built):
    place.admit(built)
    ca = place.home.server_ca.read_text()
    with place.run(built) as process:
        answer = wait_until(lambda: page(7445, ca), process)
        # While it runs, too: what premain unpacks is memory of the library OS.
        found = [
            subprocess.run(["grep", "-rlF", words, built.root], capture_output=True, text=True, check=False).stdout
            for words in WORDS
        ]
    assert answer == b"the rule of the house: the canary sings at dawn"
    assert found == [""] * len(WORDS)


@pytest.mark.parametrize("place_of_change", [100, 5000, -1])
def test_gramine_refuses_a_block_that_was_changed(place, built, place_of_change):
    place.admit(built)
    file = built.root / ".caisson/encrypted/code"
    kept = file.read_bytes()
    changed = bytearray(kept)
    changed[place_of_change] ^= 1
    file.chmod(0o644)
    try:
        file.write_bytes(changed)
        status, output = refused(place, built)
        assert status == 90, output
        assert "`/.caisson/encrypted/code`" in output
    finally:
        file.write_bytes(kept)


def test_another_enclave_gets_no_key(place, built):
    other = bytearray(built.verified.mr_enclave.value)
    other[0] ^= 1
    rule = EnclaveRule(mr_enclave=type(built.verified.mr_enclave)(bytes(other)), mr_signer=built.verified.mr_signer)
    place.admit(built, enclaves=(rule,))
    status, output = refused(place, built)
    assert status == 88, output


def test_a_workload_without_the_key_starts_nothing(place, built):
    place.admit(built)
    with place.local.client() as server:
        _, workload = server.workload(built.recipe.name)
        server.set_workload(Workload.parse({**workload.model_dump(mode="json"), "fs_keys": {}}))
    status, output = refused(place, built)
    assert (status, "brings no key `code`" in output) == (90, True), output


def test_another_key_opens_nothing(place, built):
    place.admit(built)
    with place.local.client() as server:
        kept = server.reveal_secret("code-key")
        try:
            server.set_secret("code-key", type(kept)(bytes(16)))
            status, output = refused(place, built)
        finally:
            server.set_secret("code-key", kept)
    assert (status, "another key" in output) == (90, True), output
