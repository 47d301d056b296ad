"""What measuring takes from any Gramine manifest: its defaults, its spellings, and what it may not say."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.enclave import CpuFeatures, EnclaveParameters, Feature, secs_attributes
from caisson.errors import Malformed
from caisson.sgx import Attributes


def sgx(line):
    return EnclaveParameters.parse(f"[sgx]\n{line}\n".encode())


def test_an_empty_manifest_has_gramines_defaults():
    assert EnclaveParameters.parse(b"") == EnclaveParameters(
        enclave_size=256 << 20,
        max_threads=4,
        edmm_enable=False,
        debug=False,
        use_exinfo=False,
        isvprodid=0,
        isvsvn=0,
        cpu_features=CpuFeatures(),
    )


def test_with_edmm_the_default_size_is_a_terabyte():
    assert sgx("edmm_enable = true").enclave_size == 1 << 40


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1G", 1 << 30),
        ("512M", 1 << 29),
        ("65536K", 1 << 26),
        ("0x20000000", 1 << 29),
        ("0X10M", 1 << 24),
        ("4096", 4096),
    ],
)
def test_sizes_are_read_as_gramine_reads_them(text, size):
    assert sgx(f'enclave_size = "{text}"').enclave_size == size


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('enclave_size = "1g"', id="small suffix"),
        pytest.param('enclave_size = "1GB"', id="other suffix"),
        pytest.param('enclave_size = "010M"', id="leading zero"),
        pytest.param('enclave_size = "1_024M"', id="underscore"),
        pytest.param('enclave_size = " 1G"', id="space"),
        pytest.param('enclave_size = "-1G"', id="negative"),
        pytest.param('enclave_size = ""', id="empty"),
        pytest.param('enclave_size = "0"', id="zero"),
        pytest.param('enclave_size = "768M"', id="no power of two"),
        pytest.param('enclave_size = "2048G"', id="over a terabyte"),
        pytest.param("enclave_size = 1073741824", id="size that is no string"),
        pytest.param("max_threads = 0", id="no threads"),
        pytest.param("max_threads = 4097", id="more threads than Gramine knows"),
        pytest.param("max_threads = true", id="threads that are a boolean"),
        pytest.param('debug = "true"', id="debug that is a string"),
        pytest.param("debug = 1", id="debug that is a number"),
        pytest.param("edmm_enable = 1", id="EDMM that is a number"),
        pytest.param("isvprodid = 65536", id="product over 16 bits"),
        pytest.param("isvsvn = -1", id="negative SVN"),
        pytest.param("isvsvn = 1.0", id="SVN that is a float"),
        pytest.param("require_avx = true", id="a key of Gramine 1.7"),
        pytest.param("cpu_features = 1", id="features that are no table"),
        pytest.param('cpu_features = { sse = "required" }', id="unknown feature"),
        pytest.param('cpu_features = { avx = "yes" }', id="unknown setting"),
        pytest.param('cpu_features = { mpx = "unspecified" }', id="MPX left to the machine"),
        pytest.param('cpu_features = { pkru = "unspecified" }', id="PKRU left to the machine"),
    ],
)
def test_what_no_enclave_can_have_is_refused(line):
    with pytest.raises(Malformed):
        sgx(line)


@pytest.mark.parametrize(
    "raw", [b"sgx = 1", b"[[sgx]]", b"[sgx", b"\xff", b"a = " + b"[" * 5000, b"#" * ((16 << 20) + 1)]
)
def test_what_is_no_manifest_is_refused(raw):
    with pytest.raises(Malformed):
        EnclaveParameters.parse(raw)


def test_keys_that_do_not_matter_here_are_passed_over():
    assert EnclaveParameters.parse(
        b'[fs]\nmounts = []\n[sgx]\nremote_attestation = "dcap"\n'
    ) == EnclaveParameters.parse(b"")


@given(st.binary(max_size=200))
def test_noise_is_a_manifest_or_refused(noise):
    with suppress(Malformed):
        EnclaveParameters.parse(noise)


def test_debug_and_exinfo_become_bits():
    attributes, misc_select = secs_attributes(b"[sgx]\ndebug = true\nuse_exinfo = true\n")
    assert (attributes, misc_select) == (Attributes(flags=0x6, xfrm=0x3), 1)
    assert secs_attributes(b"") == (Attributes(flags=0x4, xfrm=0x3), 0)


@pytest.mark.parametrize(
    ("avx", "avx512", "xfrm"),
    [("required", "disabled", 0x3), ("disabled", "required", 0xE7), ("required", "unspecified", 0x7)],
)
def test_avx512_has_the_last_word_on_the_bits_it_shares_with_avx(avx, avx512, xfrm):
    manifest = f'[sgx.cpu_features]\navx = "{avx}"\navx512 = "{avx512}"\n'.encode()
    assert secs_attributes(manifest)[0].xfrm == xfrm


def test_features_may_not_be_made_with_mpx_left_open():
    with pytest.raises(Malformed):
        CpuFeatures(mpx=Feature.UNSPECIFIED)
