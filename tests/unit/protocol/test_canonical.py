import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.protocol import canonical

INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
VALUES = st.recursive(
    st.booleans() | INTEGERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_what_is_encoded_decodes_to_itself(value):
    assert canonical.decode(canonical.encode(value), what="it") == value


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\u0d8ea1-.tfn \n', max_size=40).map(str.encode))
def test_any_bytes_are_canonical_or_refused(raw):
    try:
        value = canonical.decode(raw, what="it")
    except Malformed:
        return
    assert canonical.encode(value) == raw


def test_canonical_vectors_are_accepted(vector):
    for entry in vector("canonical")["accepted"]:
        raw = entry["text"].encode()
        assert canonical.encode(canonical.decode(raw, what="it")) == raw


def test_each_fault_is_refused(refused_canonical):
    with pytest.raises(Malformed):
        canonical.decode(refused_canonical["text"].encode("utf-8", "surrogatepass"), what="it")


@pytest.mark.parametrize("raw", [b'{"a":' * 100_000, b"[" * 100_000, b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"])
def test_depth_is_no_weapon(raw):
    with pytest.raises(Malformed):
        canonical.decode(raw, what="it")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32"])
def test_only_utf_8_is_canonical(codec):
    with pytest.raises(Malformed):
        canonical.decode('{"a":1}'.encode(codec), what="it")


@given(st.binary(max_size=40))
def test_base64_has_one_spelling(value):
    text = canonical.base64_text(value)
    assert canonical.unbase64(text, what="it") == value
    for other in (text + "\n", " " + text, text.rstrip("=") + "=" * (3 - text.count("=")), text + "é"):
        with pytest.raises(Malformed):
            canonical.unbase64(other, what="it")


def test_bits_that_do_not_count_are_refused():
    with pytest.raises(Malformed):
        canonical.unbase64("AB==", what="it")


@pytest.mark.parametrize("value", [True, "1", 1.0, None, [], {}])
def test_an_integer_is_nothing_else(value):
    with pytest.raises(Malformed):
        canonical.Members({"n": value}, what="it").integer("n")
