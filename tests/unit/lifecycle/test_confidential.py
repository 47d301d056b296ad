"""What a container says of itself, and what of it is checked."""

from dataclasses import replace

import pytest

from caisson.conversion.places import DIRECT_ENTRYPOINT, SGX_ENTRYPOINT
from caisson.lifecycle import SignedEnclave
from caisson.platform import measure, sign_enclave
from tests.guest import PRODUCTION, signing_key


@pytest.fixture(scope="module")
def sigstruct():
    enclave = measure((b"redis".ljust(64, b"\0"),))
    return sign_enclave(signing_key(), mr_enclave=enclave, attributes=PRODUCTION, isv_prod_id=7, isv_svn=3)


def test_a_sigstruct_names_the_only_enclave_that_may_start(sigstruct):
    found = SignedEnclave.of(sigstruct.encode())
    assert (found.mr_enclave, found.mr_signer) == (sigstruct.mr_enclave, sigstruct.mr_signer)
    assert (found.isv_prod_id, found.isv_svn, found.debug) == (7, 3, PRODUCTION.debug)


@pytest.mark.parametrize(
    "attack",
    [
        lambda _: None,
        lambda _: b"",
        lambda sigstruct: sigstruct.encode()[:-1],
        lambda sigstruct: replace(sigstruct, isv_svn=9).encode(),
    ],
)
def test_one_that_does_not_hold_names_none(sigstruct, attack):
    assert SignedEnclave.of(attack(sigstruct)) is None


@pytest.mark.parametrize(
    ("entrypoint", "runtime"),
    [
        (("/.caisson/premain",), "native"),
        (SGX_ENTRYPOINT, "gramine"),
        (DIRECT_ENTRYPOINT, "gramine-direct"),
        (("/bin/sh",), None),
        ((), None),
    ],
)
def test_a_container_that_starts_something_else_has_no_runtime(make, entrypoint, runtime):
    assert make.confidential(entrypoint=entrypoint).runtime == runtime
