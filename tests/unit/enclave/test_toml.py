"""Our part of TOML: whatever is read in it, every other reader of TOML reads the same."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.enclave import toml
from caisson.errors import Malformed

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUE = TEXT | st.integers(-(1 << 63), (1 << 63) - 1) | st.booleans() | st.lists(TEXT).map(tuple)


@given(st.dictionaries(st.text("abAB09_-", min_size=1), VALUE))
def test_what_is_written_is_read_by_both_readers(values):
    raw = "\n".join(f"{key} = {toml.write_value(value)}" for key, value in values.items()).encode()
    expected = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    assert toml.read_plain(raw) == toml.read(raw) == expected


def test_tables_and_arrays_of_tables_are_read():
    raw = b"""# a comment
x = "1"

[a.b]
y = [1, "2", true]

[a.c]

[[a.d]]
z = -3

[[a.d]]
z = 4
"""
    assert toml.read_plain(raw) == tomllib.loads(raw.decode())


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"x = 'literal'", id="literal string"),
        pytest.param(b'x = """long"""', id="long string"),
        pytest.param(b"x = { y = 1 }", id="inline table"),
        pytest.param(b"x = [\n1]", id="value over two lines"),
        pytest.param(b"x = [[1]]", id="nested array"),
        pytest.param(b"x = 1 # y", id="comment after a value"),
        pytest.param(b"x.y = 1", id="dotted key"),
        pytest.param(b'"x" = 1', id="quoted key"),
        pytest.param(b"x=1", id="no spaces"),
        pytest.param(b" x = 1", id="indented"),
        pytest.param(b"x = 0x10", id="hexadecimal number"),
        pytest.param(b"x = 1_0", id="number with underscore"),
        pytest.param(b"x = 1.5", id="float"),
        pytest.param(b"x = 1e3", id="float without point"),
        pytest.param(b"x = nan", id="nan"),
        pytest.param(b"x = NaN", id="JavaScript's nan"),
        pytest.param(b"x = 2026-11-23", id="date"),
        pytest.param(b"x = null", id="null"),
        pytest.param(b'x = {"y": 1}', id="object"),
        pytest.param(rb'x = "\/"', id="escape that only JSON has"),
        pytest.param(rb'x = "\ud83d\ude00"', id="surrogates that only JSON has"),
        pytest.param(rb'x = "\U0001F600"', id="escape that only TOML has"),
        pytest.param(b'x = "\x7f"', id="control character that only JSON has"),
        pytest.param(b"# \x01", id="control character in a comment"),
        pytest.param(b"x = 1\r\ny = 2", id="carriage return"),
        pytest.param(b"\xef\xbb\xbfx = 1", id="byte order mark"),
        pytest.param(b"x = 1\nx = 1", id="key twice"),
        pytest.param(b"[x]\n[x]", id="table twice"),
        pytest.param(b"x = 1\n[x]", id="table over a value"),
        pytest.param(b"x = 1\n[x.y]", id="table below a value"),
        pytest.param(b"x = []\n[[x]]", id="array of tables over a value"),
        pytest.param(b"[x]\n[[x]]", id="array of tables over a table"),
        pytest.param(b"[[x]]\n[x]", id="table over an array of tables"),
        pytest.param(b"[[x]]\n[x.y]", id="table below an array of tables"),
        pytest.param(b"[x] # y", id="comment after a table"),
        pytest.param(b"[x", id="open bracket"),
        pytest.param(b"x = " + b"[" * 100_000, id="deep"),
        pytest.param(b"x = " + b"9" * 10_000, id="long number"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw):
    with pytest.raises(Malformed):
        toml.read_plain(raw)


@pytest.mark.parametrize("value", ["\0", ("a", "b\0"), "\ud800"])
def test_what_no_program_can_be_given_is_not_written(value):
    with pytest.raises(Malformed):
        toml.write_value(value)


@given(st.text('[]ab.="\\u1 \n#,0', max_size=60))
def test_whatever_is_read_is_what_toml_says(text):
    try:
        document = toml.read_plain(text.encode())
    except Malformed:
        return
    assert document == tomllib.loads(text)
