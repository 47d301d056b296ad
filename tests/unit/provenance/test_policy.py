"""Policies for images: unknown fields are errors, zero means strict, and every mismatch is named."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed, PolicyRejected
from caisson.oci import Digest
from caisson.provenance import ImagePolicy, verify_provenance
from tests.unit.provenance.conftest import POLICY


@pytest.fixture
def found(published):
    return verify_provenance(published.attached(), published.image, published.verified, (published.key.publisher,))


@pytest.fixture
def text(published, key):
    return POLICY.format(mrsigner=key.mr_signer, publisher=published.key.publisher.pem.decode()) + (
        f'sources = ["{Digest.of(b"source")}"]\n'
    )


def reasons(text, image, provenance=None):
    with pytest.raises(PolicyRejected) as caught:
        ImagePolicy.parse(text.encode()).appraise(image, provenance)
    return caught.value.reasons


def test_the_image_that_it_describes_is_accepted(text, published, found):
    policy = ImagePolicy.parse(text.encode())
    policy.appraise(published.verified, found)
    assert policy.provenance.publishers[0].id == published.key.publisher.id


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('mrsigner = "', 'mrsigner = "' + "00" * 32 + '" #', "the signer "),
        ("isv_prod_id = 7", "isv_prod_id = 8", "the signer's product 7 is not accepted"),
        ("minimum_isv_svn = 3", "minimum_isv_svn = 4", "the security version 3 is not accepted; 4 is the least"),
        ('["native"]', '["gramine"]', "the runtime `native` is not accepted"),
        ("allow_unpinned = true", "allow_unpinned = false", "an image without the pin of a key server"),
        (f'"{Digest.of(b"source")}"', "", "the source image sha256:"),
    ],
)
def test_one_mismatch_is_one_reason(text, published, found, old, new, reason):
    (only,) = reasons(text.replace(old, new), published.verified, found)
    assert only.startswith(reason)


def test_a_debug_enclave_must_be_allowed(text, published, found):
    image = replace(published.verified, debug=True)
    assert reasons(text, image, found) == ("a debug enclave is not accepted: whoever runs it can read its memory",)
    ImagePolicy.parse(text.replace("allow_debug = false", "allow_debug = true").encode()).appraise(image, found)


def test_a_pin_must_be_one_of_the_key_servers(text, pinned, found):
    pin = str(pinned.verified.key_server_pin)
    assert reasons(text, pinned.verified, found) == (f"the key server {pin} is not accepted",)
    ImagePolicy.parse(text.replace("key_servers = []", f'key_servers = ["{pin}"]').encode()).appraise(
        pinned.verified, found
    )


@pytest.mark.parametrize(
    ("change", "kind"), [({"is_cosigned": False}, "cosign"), ({"has_sigstruct": False}, "sigstruct")]
)
def test_what_is_required_must_be_attached(text, published, found, change, kind):
    assert reasons(text, published.verified, replace(found, **change)) == (f"no {kind} by the publisher is attached",)


def test_a_source_that_nobody_states_is_not_accepted(text, published, found):
    silent = replace(found, statement=replace(found.statement, source=None))
    assert reasons(text, published.verified, silent) == ("the source image that nobody states is not accepted",)


def test_all_mismatches_are_named(text, published, found):
    text = text.replace("isv_prod_id = 7", "isv_prod_id = 9").replace('["native"]', "[]")
    image = replace(published.verified, debug=True)
    assert len(reasons(text, image, replace(found, is_cosigned=False))) == 4


def test_one_signers_product_is_not_another_signers(text, published, found):
    theirs = f'[[products]]\nmrsigner = "{"11" * 32}"\nisv_prod_id = 9\nminimum_isv_svn = 0\n\n'
    other = text.replace("[provenance]", f"{theirs}[provenance]")
    image = replace(published.verified, isv_prod_id=9)
    assert reasons(other, image, found) == ("the signer's product 9 is not accepted",)


@pytest.mark.parametrize("field", ["version", "runtimes", "allow_debug", "key_servers", "allow_unpinned"])
def test_every_field_is_required(text, field):
    lines = [line for line in text.splitlines() if not line.startswith(f"{field} =")]
    with pytest.raises(Malformed, match=f"`{field}` is missing"):
        ImagePolicy.parse("\n".join(lines).encode())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 1", "version = 2", "`version`"),
        ("allow_debug = false", "allow_debug = false\nallow_all = true", "`allow_all` is not known"),
        ("minimum_isv_svn = 3", "minimum_isv_svn = 3\nx = 1", r"`products\.0\.x` is not known"),
        ("isv_prod_id = 7", 'isv_prod_id = "7"', r"`products\.0\.isv_prod_id`"),
        ("isv_prod_id = 7", "isv_prod_id = 65536", r"`products\.0\.isv_prod_id`"),
        ('mrsigner = "', 'mrsigner = "x" # "', r"`products\.0\.mrsigner`"),
        ("allow_debug = false", 'allow_debug = "false"', "`allow_debug`"),
        ('"cosign"]', '"rekor"]', r"`provenance\.require\.3`"),
        ("BEGIN PUBLIC KEY", "BEGIN PRIVATE KEY", r"`provenance\.publishers\.0` publisher's key is not a public key"),
        ('sources = ["sha256', 'sources = ["md5', r"`provenance\.sources\.0` digest is not"),
        ("version = 1", "version", "not TOML"),
    ],
)  # fmt: skip
def test_what_is_unknown_or_of_another_kind_is_refused(text, old, new, message):
    assert old in text
    with pytest.raises(Malformed, match=message):
        ImagePolicy.parse(text.replace(old, new).encode())


@given(st.text(max_size=200) | st.binary(max_size=100))
def test_anything_else_is_no_policy(raw):
    with pytest.raises(Malformed):
        ImagePolicy.parse(raw if isinstance(raw, bytes) else f"version = 1\n{raw}".encode(errors="replace"))
