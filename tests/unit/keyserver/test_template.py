import re
import string
from base64 import b64decode
from hashlib import pbkdf2_hmac
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed, UsageError
from caisson.keyserver.secret import Secret
from caisson.keyserver.template import Template

VALUES = {"a": Secret(b"1"), "b-c": Secret(b"\xff{{ secret:a }}")}


def render(text):
    return Template.parse(text, what="text").render(VALUES.__getitem__).reveal()


def filled(text, value):
    return Template.parse(text, what="text").render({"a": Secret(value)}.__getitem__).reveal()


def test_placeholders_are_replaced_and_all_else_is_kept():
    assert render('{"x": {"y": "{{ secret:a }}"}}{{secret:a}}\n') == b'{"x": {"y": "1"}}1\n'


def test_what_a_secret_holds_is_never_a_placeholder():
    assert render("{{ secret:b-c }}") == b"\xff{{ secret:a }}"


def test_the_names_are_known_before():
    assert Template.parse("{{ secret:a }}{{ secret:b-c }}{{ secret:a }}", what="text").secrets == {"a", "b-c"}


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "{{ }}",
        "{{ secret:a }",
        "{{ secret: a }}",
        "{{ secret:../a }}",
        "{{ secret:A }}",
        "{{ secret:a | upper }}",
        "{{ env:HOME }}",
        "{{{ secret:a }}}",
        "{{ secret:a\n}}",
        "{{ {{ secret:a }} }}",
        "{{ secret:{{ secret:a }} }}",
    ],
)
def test_what_is_almost_a_placeholder_is_refused(text):
    with pytest.raises(Malformed, match="begins no placeholder"):
        Template.parse(text, what="text")


@given(st.text(alphabet="{} secret:ab-c\n", max_size=60))
def test_a_text_is_understood_completely_or_refused(text):
    try:
        template = Template.parse(text, what="text")
    except Malformed:
        return
    assert "{{" not in "".join(part for part in template.parts if isinstance(part, str)).replace("{}", "")
    assert b"{{" not in template.render(lambda _name: Secret(b"_")).reveal()


def test_a_secret_can_be_asked_for_in_another_form():
    assert render("{{ secret:a | hex }} {{secret:a|base64}}") == b"31 MQ=="


def test_a_password_for_mosquitto_is_hashed_under_a_salt_of_its_own():
    one, other = (render("{{ secret:a | mosquitto }}").decode().split("$") for _ in range(2))
    assert one != other
    for _, kind, rounds, salt, digest in (one, other):
        assert kind == "7"
        assert b64decode(digest) == pbkdf2_hmac("sha512", b"1", b64decode(salt), int(rounds))


PLAIN = string.ascii_letters + string.digits + "._~+/=-"
BESIDE_OTHER_TEXT = [
    "pass {{ secret:a }}\n",
    "{{ secret:a }}\n",
    "{{secret:a}} {{ secret:a }}",
    "{{ secret:a | plain }}",
]


@pytest.mark.parametrize("text", BESIDE_OTHER_TEXT)
def test_beside_other_text_a_plain_secret_is_as_it_is(text):
    assert filled(text, PLAIN.encode()).decode() == re.sub(r"\{\{.*?\}\}", PLAIN, text)


@pytest.mark.parametrize("text", BESIDE_OTHER_TEXT)
def test_beside_other_text_any_other_byte_is_refused_by_name_and_not_repeated(text):
    others = [bytes([byte]) for byte in range(256) if chr(byte) not in PLAIN]
    assert len(others) == 256 - len(PLAIN)
    for other in others:
        with pytest.raises(UsageError, match="secret `a` has other characters than") as caught:
            filled(text, b"canary" + other)
        assert "canary" not in repr(caught.value) + str(caught.value.hint)


@given(st.binary())
def test_a_secret_that_stands_alone_is_as_it_is_and_so_is_one_for_which_that_is_asked(value):
    assert filled("{{ secret:a }}", value) == value
    assert filled("{{ secret:a }}{{ secret:a }}", value) == value + value
    assert filled("pass {{ secret:a | raw }}\n", value) == b"pass " + value + b"\n"


@given(st.binary())
def test_redis_reads_between_double_quotes_the_secret_that_was_written_on_one_line(value):
    between = filled("{{ secret:a | redis }}", value)
    assert re.fullmatch(rb"(?:[\w.~+/=-]|\\x[0-9a-f]{2})*", between, re.ASCII)
    assert re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), between) == value


@given(st.binary())
def test_a_secret_in_a_url_stays_in_its_part(value):
    text = filled("rediss://:{{ secret:a | url }}@store:6379/0", value).decode()
    parts = urlsplit(text)
    assert (parts.hostname, parts.port, parts.path, parts.query, parts.fragment) == ("store", 6379, "/0", "", "")
    assert unquote_to_bytes(parts.password or "") == value


TEXTS = st.text(
    alphabet=st.one_of(
        st.sampled_from("'\\\"\n\r;-#%éx"), st.characters(exclude_categories=("Cs",), exclude_characters="\0")
    )
)


def escaped(value):
    return filled("{{ secret:a | sql }}", value).decode()


def read_as_sql(text):
    """Read what stands between single quotes as MariaDB does, and PostgreSQL after an `E`; a lone quote ends it."""
    read, rest = "", iter(text)
    for each in rest:
        if each == "'":
            assert next(rest, None) == "'", "the text ends before its end"
        read += {"\\": "\\", "n": "\n", "r": "\r"}[next(rest)] if each == "\\" else each
    return read


@pytest.mark.parametrize(
    ("value", "between"),
    [
        ("it's\\", "it''s\\\\"),
        ("'; DROP USER root; --", "''; DROP USER root; --"),
        ("\\'", "\\\\''"),
        ("a;\nb\r\n", "a;\\nb\\r\\n"),
        ('"é"', '"é"'),
    ],
)
def test_a_secret_in_sql_cannot_end_its_text(value, between):
    assert escaped(value.encode()) == between


@given(TEXTS)
def test_sql_reads_the_secret_that_was_written_on_one_line(value):
    between = escaped(value.encode())
    assert read_as_sql(between) == value
    assert not {"\n", "\r"}.intersection(between)


@pytest.mark.parametrize("value", [b"a\0b", b"\0", b"canary\xff", b"canary\xc3"])
def test_what_sql_cannot_hold_is_refused_by_name_and_not_repeated(value):
    with pytest.raises(UsageError, match="secret `a` has a NUL or bytes that are no UTF-8") as caught:
        escaped(value)
    assert "canary" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@given(st.binary())
def test_bytes_become_sql_or_an_error_of_ours(value):
    try:
        between = escaped(value)
    except UsageError:
        return
    assert read_as_sql(between).encode() == value
