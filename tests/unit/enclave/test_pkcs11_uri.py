"""PKCS #11 URIs: what they name, and what is not let onto a command line."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.enclave import Pkcs11Uri
from caisson.errors import UsageError

GOOD = "pkcs11:token=My%20HSM;object=author;id=%01%ff;type=private?module-path=/lib/x.so&pin-source=file:/run/pin"


def test_a_uri_names_module_token_key_and_the_pins_file():
    assert Pkcs11Uri.parse(GOOD) == Pkcs11Uri(
        module_path=Path("/lib/x.so"),
        token="My HSM",
        object="author",
        id=b"\1\xff",
        pin_source=Path("/run/pin"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("signing-key.pem", "not a PKCS #11 URI"),
        ("pkcs11:", "names no key"),
        ("pkcs11:token=t?module-path=/m", "names no key"),
        ("pkcs11:object=o", "names no module"),
        ("pkcs11:object=o?module-path=m.so", "`module-path` that is not an absolute path"),
        ("pkcs11:object=o?module-path=/m&pin-source=pin", "`pin-source` that is not an absolute path"),
        ("pkcs11:object=o?module-path=/m&pin-source=|ask", "`pin-source` that is not an absolute path"),
        ("pkcs11:object=o;object=p?module-path=/m", "`object` twice"),
        ("pkcs11:object=%zz?module-path=/m", "to be escaped"),
        ("pkcs11:object=%ff?module-path=/m", "not UTF-8"),
        ("pkcs11:object=o;type=public?module-path=/m", "something else than a private key"),
        ("pkcs11:object=o;slot-id=1?module-path=/m", "attribute `slot-id`"),
        ("pkcs11:object=o?module-path=/m&module-name=x", "attribute `module-name`"),
        ("pkcs11:object?module-path=/m", "attribute `object`"),
    ],
)
def test_what_is_unknown_or_incomplete_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        Pkcs11Uri.parse(text)


def test_a_pin_in_a_uri_is_refused_and_not_repeated():
    with pytest.raises(UsageError, match="a PIN has no place") as caught:
        Pkcs11Uri.parse("pkcs11:object=o?module-path=/m&pin-value=123456")
    assert "123456" not in caught.value.message + (caught.value.hint or "")


@given(st.text().map("pkcs11:".__add__) | st.text())
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(UsageError):
        assert Pkcs11Uri.parse(text).module_path.is_absolute()
