"""What Gramine 1.9's signer made of ten enclaves, reproduced to the last byte."""

import json
from pathlib import Path

import pytest

from caisson.enclave import SigningKey, measure, secs_attributes, sign, verify_sigstruct
from caisson.sgx import SigStruct

MEASUREMENT = Path(__file__).parent / "measurement"
CASES = sorted(MEASUREMENT.glob("case-*"))


def test_the_ten_cases_are_there():
    assert len(CASES) == 10


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture
def pal(case):
    return (case / "libpal.so").read_bytes()


@pytest.fixture
def manifest(case):
    return (case / "app.manifest.sgx").read_bytes()


@pytest.fixture
def expected(case):
    return json.loads((case / "expected.json").read_bytes())


@pytest.fixture(scope="module")
def key():
    return SigningKey.load((MEASUREMENT / "signing-key.pem").read_bytes())


def test_mrenclave_is_gramines(pal, manifest, expected):
    assert str(measure(pal, manifest)) == expected["sigstruct"]["mr_enclave"]


def test_sigstruct_is_gramines(case, pal, manifest, expected, key):
    assert sign(pal, manifest, key, date=expected["signing_date"]).encode() == (case / "app.sig").read_bytes()


def test_gramines_sigstruct_verifies_and_is_written_as_it_was_read(case, expected):
    raw = (case / "app.sig").read_bytes()
    sigstruct = SigStruct.parse(raw)
    assert sigstruct.encode() == raw
    assert str(verify_sigstruct(sigstruct)) == expected["sigstruct"]["mr_signer"]


def test_sigstruct_says_what_gramine_says_about_it(case, manifest, expected):
    sigstruct, says = SigStruct.parse((case / "app.sig").read_bytes()), expected["sigstruct"]
    attributes, misc_select = secs_attributes(manifest)
    assert sigstruct.attributes == attributes
    assert sigstruct.misc_select == misc_select == int(says["misc_select"], 16)
    assert attributes.flags == int(says["attribute_flags"], 16)
    assert attributes.xfrm == int(says["attribute_xfrms"], 16)
    assert attributes.debug is says["debug_enclave"]
    assert sigstruct.attribute_mask.flags == int(says["attribute_flags_mask"], 16)
    assert sigstruct.attribute_mask.xfrm == int(says["attribute_xfrm_mask"], 16)
    assert (sigstruct.isv_prod_id, sigstruct.isv_svn) == (says["isv_prod_id"], says["isv_svn"])
    assert sigstruct.date == says["date"].replace("-", "")
