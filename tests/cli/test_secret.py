"""`caisson secret`: exit code, stdout and stderr."""

import io
import json
import stat

import pytest

from caisson.keyserver import Secret

HINT = "hint: `caisson secret list` shows those that there are\n"


class Stdin:
    def __init__(self, content):
        self.buffer = io.BytesIO(content)


@pytest.fixture
def given(monkeypatch):
    return lambda content: monkeypatch.setattr("sys.stdin", Stdin(content))


def test_a_secret_comes_from_standard_input_without_its_line_end(keyserver, given):
    given(b"canary\n")
    assert keyserver("secret", "set", "db") == (0, "secret `db` is set, version 1\n", "")
    assert keyserver.operator.reveal_secret("db")[1].reveal() == b"canary"
    given(b"canary\n")
    assert keyserver("secret", "set", "db", "--keep-newline")[0] == 0
    assert keyserver.operator.reveal_secret("db")[1].reveal() == b"canary\n"


def test_a_secret_from_a_file_is_stored_byte_for_byte(keyserver):
    value = bytes(range(256)) + b"\n"
    assert keyserver("secret", "set", "db", "--from-file", keyserver.file("value", value))[0] == 0
    assert keyserver.operator.reveal_secret("db")[1].reveal() == value


def test_an_empty_secret_is_refused(keyserver, given):
    given(b"\n")
    assert keyserver("secret", "set", "db") == (2, "", "error: a secret has 1 to 262144 bytes, not 0\n")


def test_generating_says_what_was_made_and_shows_nothing(keyserver):
    assert keyserver("secret", "generate", "pw", "--kind", "password") == (0, "secret `pw` was made, version 1\n", "")
    assert keyserver("secret", "generate", "pw", "--kind", "password", "--if-absent") == (
        0,
        "secret `pw` was there already, version 1\n",
        "",
    )
    code, out, _ = keyserver("secret", "generate", "key", "--kind", "symmetric-key", "--length", "32", "--json")
    assert code == 0
    assert json.loads(out) == {
        "version": 1,
        "secret": {"name": "key", "version": 1, "label": "symmetric-key", "size": 32, "created": 1795435200},
        "made": True,
    }


def test_a_password_that_can_be_guessed_is_refused(keyserver):
    assert keyserver("secret", "generate", "pw", "--kind", "password", "--length", "8") == (
        2,
        "",
        (
            "error: a password of 8 characters out of 62 can be guessed (48 bits)\n"
            "hint: take at least 64 bits: a longer password or a larger alphabet\n"
        ),
    )


def test_list_and_show_tell_everything_but_the_value(keyserver):
    assert keyserver("secret", "list") == (0, "no secrets\n", "")
    keyserver.operator.set_secret("db", Secret(b"canary"))
    assert keyserver("secret", "list") == (
        0,
        "NAME  VERSION  KIND   BYTES  SET\ndb    1        given  6      2026-11-23 12:00:00\n",
        "",
    )
    assert keyserver("secret", "show", "db") == (
        0,
        "secret `db`, version 1: given, 6 bytes, set 2026-11-23 12:00:00\n",
        "",
    )
    assert "canary" not in "".join(keyserver("secret", "list", "--json")[1:])


def test_a_value_is_shown_only_to_who_says_so(keyserver):
    keyserver.operator.set_secret("db", Secret(b"canary\xff"))
    assert keyserver("secret", "get", "db") == (
        2,
        "",
        "error: this shows secret `db`\nhint: say so with `--reveal`; the audit log will say so too\n",
    )
    output = keyserver.directory / "value"
    assert keyserver("secret", "get", "db", "--reveal", "--output", str(output)) == (0, "", "")
    assert output.read_bytes() == b"canary\xff"
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert keyserver("secret", "get", "db", "--reveal", "--output", str(output)) == (
        2,
        "",
        f"error: `{output}` exists\nhint: use `--force` to overwrite it\n",
    )


def test_a_value_on_standard_output_is_its_bytes_and_nothing_else(keyserver, monkeypatch):
    class Stdout:
        buffer = io.BytesIO()

        def flush(self):
            pass

    keyserver.operator.set_secret("db", Secret(b"canary\xff"))
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", Stdout())
        from caisson.cli.app import run

        assert run(["secret", "get", "db", "--reveal"]) == 0
    assert Stdout.buffer.getvalue() == b"canary\xff"


def test_removing_needs_a_word(keyserver):
    keyserver.operator.set_secret("db", Secret(b"canary"))
    assert keyserver("secret", "remove", "db") == (
        2,
        "",
        "error: this destroys secret `db` in all versions\nhint: say so with `--yes`\n",
    )
    assert keyserver("secret", "remove", "db", "--yes") == (0, "secret `db` is destroyed\n", "")
    assert keyserver("secret", "show", "db") == (1, "", f"error: there is no secret `db`\n{HINT}")


def test_a_name_is_never_a_path(keyserver):
    assert keyserver("secret", "show", "../db") == (
        2,
        "",
        (
            "error: `../db` is not a name for a secret\n"
            "hint: use at most 63 of a-z, 0-9, - and _, beginning and ending with a letter or digit\n"
        ),
    )


def test_a_token_that_is_not_valid_is_refused(keyserver):
    keyserver.file("token", "caisson-" + "0" * 16 + "-" + "0" * 64)
    assert keyserver("secret", "list") == (
        1,
        "",
        "error: the token is not valid\nhint: give an operator's token with `--token-file`\n",
    )


def test_a_token_that_everybody_can_read_is_refused(keyserver):
    (keyserver.directory / "token").chmod(0o644)
    token = keyserver.directory / "token"
    assert keyserver("secret", "list") == (
        2,
        "",
        f"error: the operator's token `{token}` is open to everybody\nhint: run `chmod o= {token}`\n",
    )


def test_without_a_server_it_says_where_one_comes_from(keyserver, monkeypatch):
    monkeypatch.delenv("CAISSON_KEY_SERVER")
    assert keyserver("secret", "list") == (
        2,
        "",
        (
            "error: no key server was named, and none runs here\n"
            "hint: give `--server`, `--token-file` and `--ca`, or start one with `caisson up`\n"
        ),
    )


@pytest.mark.parametrize("command", [[], ["set"], ["generate"], ["list"], ["show"], ["get"], ["remove"]])
def test_every_help_ends_with_an_example(keyserver, command):
    code, out, _ = keyserver("secret", *command, "--help")
    assert code == 0
    assert "Example:\n    caisson secret " in out
