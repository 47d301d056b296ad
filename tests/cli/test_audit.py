"""`caisson audit`: exit code, stdout and stderr."""

import json

import pytest

from caisson.cli.output import PLACE
from caisson.keyserver import Secret, verify_chain


@pytest.fixture
def log(keyserver):
    for name in ("a", "b"):
        keyserver.operator.set_secret(name, Secret(b"canary"))
    return list(verify_chain(keyserver.operator.audit_lines(after=-1, limit=100)))


@pytest.fixture
def export(keyserver, log):
    file = keyserver.directory / "audit.jsonl"
    assert keyserver("audit", "export", str(file)) == (0, f"4 records are in `{file}`\nhead {log[-1].digest}\n", "")
    return file


def test_a_whole_log_verifies(keyserver, log):
    assert keyserver("audit", "verify", "--head", str(log[1].digest)) == (
        0,
        f"the chain of 4 records is whole\nhead {log[-1].digest}\n",
        "",
    )
    assert json.loads(keyserver("audit", "verify", "--json")[1]) == {
        "version": 1,
        "records": 4,
        "head": str(log[-1].digest),
    }


def test_a_head_that_is_not_in_the_log_is_refused(keyserver, log):
    assert log
    assert keyserver("audit", "verify", "--head", "42" * 32) == (
        1,
        "",
        (
            f"error: the log of 4 records does not contain the head {'42' * 32}\n"
            "hint: it was shortened or rewritten, or the head belongs to another server's log\n"
        ),
    )
    assert keyserver("audit", "verify", "--head", "xy")[0] == 2


def test_list_shows_the_last_records(keyserver, log):
    assert log
    assert keyserver("audit", "list", "--kind", "secret-set", "--last", "1") == (
        0,
        (
            "NUMBER  TIME                 KIND        WHO             WHAT\n"
            "3       2026-11-23 12:00:00  secret-set  operator:first  secret=b\n"
        ),
        "",
    )
    assert keyserver("audit", "list", "--kind", "nothing") == (0, "no such records\n", "")
    record = json.loads(keyserver("audit", "list", "--json")[1])["records"][0]
    assert (record["kind"], record["digest"]) == ("initialised", str(log[0].digest))


def test_an_export_verifies_without_a_server(keyserver, export, log, monkeypatch):
    monkeypatch.delenv("CAISSON_KEY_SERVER")
    head = str(log[-1].digest)
    assert keyserver("audit", "verify", "--file", str(export), "--head", head) == (
        0,
        f"the chain of 4 records is whole\nhead {head}\n",
        "",
    )


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"first", b"other"), *lines[2:]], "audit record 2 follows"),
        (lambda lines: lines[:-1], "does not contain the head"),
        (lambda lines: [lines[0], *lines[2:]], "audit record 1 is missing"),
        (lambda _lines: [b"{}\n"], "audit record 0 is malformed"),
    ],
)
def test_an_export_that_was_changed_is_refused(keyserver, export, log, attack, message):
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join(attack(lines)))
    code, out, err = keyserver("audit", "verify", "--file", str(export), "--head", str(log[-1].digest))
    assert (code, out) == (1, "")
    assert message in err


def test_an_export_is_not_overwritten(keyserver, export):
    assert keyserver("audit", "export", str(export)) == (
        2,
        "",
        f"error: `{export}` exists\nhint: use `--force` to overwrite it\n",
    )
    assert keyserver("audit", "export", str(export), "--force")[0] == 0


def test_an_empty_export_is_no_log(keyserver):
    code, out, err = keyserver("audit", "verify", "--file", keyserver.file("empty", ""))
    assert (code, out) == (1, "")
    assert err.startswith("error: the log holds no record, and every log begins with its server's first\nhint: ")


def test_an_export_that_is_not_there_is_named(keyserver):
    missing = keyserver.directory / "missing"
    assert keyserver("audit", "verify", "--file", str(missing)) == (
        2,
        "",
        f"error: cannot read `{missing}`: No such file or directory\nhint: {PLACE}\n",
    )


@pytest.mark.parametrize("command", [[], ["list"], ["verify"], ["export"]])
def test_every_help_ends_with_an_example(keyserver, command):
    code, out, _ = keyserver("audit", *command, "--help")
    assert code == 0
    assert "Example:\n    caisson audit " in out
