"""The quote provider's configuration: comments are passed over, and what may be secret is left behind."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.doctor.quote_provider import parse_aesmd_configuration, parse_quote_provider

ADDRESS = "https://pccs.example:8081/sgx/certification/v4/"
# As Intel's package ships it, in short.
SHIPPED = """{
  // *** ATTENTION : This file is in JSON format so the keys are case sensitive. Don't change them.
  //PCCS server address
  "pccs_url": "https://localhost:8081/sgx/certification/v4/"

  // To accept insecure HTTPS certificate, set this option to false
  ,"use_secure_cert": true

  /* You can use the Intel PCS or another PCCS to get quote verification collateral.
     "pccs_url": "https://elsewhere.example/" */
  //,"collateral_service": "https://api.trustedservices.intel.com/sgx/certification/v4/"
  ,"retry_times": 6
}
"""


def parse(text):
    return parse_quote_provider("/etc/sgx_default_qcnl.conf", text)


def test_comments_are_passed_over_and_addresses_keep_their_slashes():
    found = parse(SHIPPED)
    assert (found.problem, found.pccs_url) == (None, "https://localhost:8081/sgx/certification/v4/")
    assert (found.secure, found.collateral_url, found.local_only) == (True, None, False)


def test_a_comment_in_a_string_is_none():
    assert parse(json.dumps({"pccs_url": f"{ADDRESS}a//b/*c*/d"})).pccs_url == f"{ADDRESS}a//b/*c*/d"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is not JSON"),
        ("PCCS_URL=https://localhost:8081/", "it is not JSON"),
        ("[]", "it is no JSON object"),
        ("[" * 100_000, "it is not JSON"),
        ("{}", "it has no `pccs_url`"),
        ('{"pccs_url": 1}', "`pccs_url` is not text"),
        ('{"pccs_url": "localhost:8081"}', "is no address"),
        ('{"pccs_url": "https://[::1"}', "is no address"),
        ('{"pccs_url": "https://h:99999/"}', "is no address"),
        ('{"pccs_url": "https://h/", "use_secure_cert": "false"}', "`use_secure_cert` is not `true` or `false`"),
    ],
)
def test_what_cannot_be_used_says_why(text, problem):
    found = parse(text)
    assert problem in found.problem
    assert found.pccs_url is None


def test_what_may_be_secret_is_left_behind():
    text = json.dumps(
        {
            "pccs_url": "https://user:hunter2@pccs.example/v4/?token=hunter2#hunter2",
            "collateral_service": "https://hunter2@api.example/v4/",
            "custom_request_options": {"get_cert": {"headers": {"Ocp-Apim-Subscription-Key": "hunter2"}}},
            "hunter2": "hunter2",
        }
    )
    found = parse(text)
    assert found.pccs_url == "https://pccs.example/v4/"
    assert "hunter2" not in repr(found)


@given(st.text(max_size=200))
def test_any_text_is_an_answer(text):
    found = parse(text)
    assert (found.pccs_url is None) <= (found.problem is not None)


@given(st.text(alphabet='"/*\\\n {}:,ab', max_size=200))
def test_comments_that_never_end_are_no_trouble(text):
    parse(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("default quoting type = ecdsa_256\n", "ecdsa_256"),
        ("#default quoting type = epid_linkable\n  default quoting type=ecdsa_256  \n", "ecdsa_256"),
        ("#default quoting type = ecdsa_256\n", None),
        ("", None),
    ],
)
def test_the_default_quoting_type_is_read(text, kind):
    assert parse_aesmd_configuration("/etc/aesmd.conf", text).quoting_type == kind


@given(st.text(max_size=2000))
def test_any_configuration_of_aesmd_is_read(text):
    parse_aesmd_configuration("/etc/aesmd.conf", text)
