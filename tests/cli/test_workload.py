"""`caisson workload`: exit code, stdout and stderr."""

import json

import pytest

from caisson.cli.app import run
from caisson.keyserver import Secret

POLICY = """version = 1
tee = "sgx"
roots = ["intel-sgx"]
tcb_statuses = ["UpToDate"]
advisories = []
allow_debug = false
minimum_tcb_evaluation_data_number = 17
key_servers = []
enclaves = []
"""
DOCUMENT = """name = "redis"
argv = ["--loglevel", "warning"]
certificate = { dns = ["localhost"], ip = ["127.0.0.1"] }

[[file]]
path = "/run/caisson/secrets/redis.conf"
mode = "400"
content = "requirepass {{ secret:pw }}"
"""


@pytest.fixture
def files(keyserver):
    keyserver.operator.set_secret("pw", Secret(b"canary"))
    return [keyserver.file("redis.toml", DOCUMENT), "--policy", keyserver.file("policy.toml", POLICY)]


def test_a_workload_is_set_listed_shown_and_removed(keyserver, files):
    assert keyserver("workload", "list") == (0, "no workloads\n", "")
    assert keyserver("workload", "set", *files) == (0, "workload `redis` is set, version 1\n", "")
    assert keyserver("workload", "list") == (
        0,
        "NAME   VERSION  SET\nredis  1        2026-11-23 12:00:00\n",
        "",
    )
    code, out, err = keyserver("workload", "show", "redis")
    assert (code, err) == (0, "")
    assert out == "\n".join(
        [
            "workload      redis, version 1, set 2026-11-23 12:00:00",
            "secrets       pw",
            "fs keys       none",
            "files         /run/caisson/secrets/redis.conf",
            "variables     none",
            "arguments     --loglevel warning",
            "certificate   localhost, 127.0.0.1; for 24 hours",
            "policy",
            *(f"  {line}" for line in POLICY.strip().splitlines()),
            "",
        ]
    )
    assert keyserver("workload", "remove", "redis") == (
        2,
        "",
        "error: this ends workload `redis`\nhint: say so with `--yes`\n",
    )
    assert keyserver("workload", "remove", "redis", "--yes") == (0, "workload `redis` is removed\n", "")
    hint = "hint: `caisson workload list` shows those that there are\n"
    assert keyserver("workload", "show", "redis") == (1, "", f"error: there is no workload `redis`\n{hint}")


def test_a_new_policy_leaves_all_else_of_a_workload_as_it_was(keyserver, files):
    other = keyserver.file("other.toml", POLICY.replace("= 17", "= 18"))
    hint = "hint: `caisson workload list` shows those that there are\n"
    assert keyserver("workload", "policy", "redis", other) == (1, "", f"error: there is no workload `redis`\n{hint}")
    assert keyserver("workload", "set", *files)[0] == 0
    before = json.loads(keyserver("workload", "show", "redis", "--json")[1])["document"]
    said = f"workload `redis` has the policy of {other}, version 2\n"
    assert keyserver("workload", "policy", "redis", other) == (0, said, "")
    after = json.loads(keyserver("workload", "show", "redis", "--json")[1])["document"]
    assert after == before | {"policy": POLICY.replace("= 17", "= 18")}


def test_another_lifetime_leaves_all_else_of_a_workload_as_it_was(keyserver, files):
    assert keyserver("workload", "set", *files)[0] == 0
    before = json.loads(keyserver("workload", "show", "redis", "--json")[1])["document"]
    said = "certificates of workload `redis` live for 168 hours, version 2\n"
    assert keyserver("workload", "lifetime", "redis", "168") == (0, said, "")
    after = json.loads(keyserver("workload", "show", "redis", "--json")[1])["document"]
    assert before["certificate"].pop("lifetime_hours") == 24
    assert after["certificate"].pop("lifetime_hours") == 168
    assert after == before
    assert "for 168 hours" in keyserver("workload", "show", "redis")[1]
    (_, first, second) = keyserver.operator.audit_lines(after=0, limit=9)[-3:]
    assert b'"certificate_lifetime_hours":24' in first
    assert b'"certificate_lifetime_hours":168' in second


@pytest.mark.parametrize("hours", ["0", "1081", "-1"])
def test_a_lifetime_that_may_not_be_changes_nothing(keyserver, files, hours):
    assert keyserver("workload", "set", *files)[0] == 0
    code, out, err = keyserver("workload", "lifetime", "redis", "--", hours)
    assert (code, out) == (2, "")
    assert "1<=x<=1080" in err
    assert keyserver("workload", "list")[1].splitlines()[1].split()[1] == "1"


def test_a_lifetime_that_may_not_be_is_wrong_whatever_server_there_is(capsys, tmp_path):
    assert run(["workload", "lifetime", "redis", "2000", "--home", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "1<=x<=1080" in said
    assert "key server was named" not in said


@pytest.mark.parametrize("text", ["", "version = 1", POLICY.replace("false", '"false"')])
def test_what_is_no_policy_takes_no_policys_place(keyserver, files, text):
    assert keyserver("workload", "set", *files)[0] == 0
    broken = keyserver.file("broken.toml", text)
    code, out, err = keyserver("workload", "policy", "redis", broken)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: `{broken}`: policy")
    assert json.loads(keyserver("workload", "show", "redis", "--json")[1])["document"]["policy"] == POLICY


def test_what_show_prints_as_json_can_be_set_again(keyserver, files):
    assert keyserver("workload", "set", *files)[0] == 0
    document = json.loads(keyserver("workload", "show", "redis", "--json")[1])["document"]
    text = "".join(f"{name} = {_toml(value)}\n" for name, value in document.items())
    assert keyserver("workload", "set", keyserver.file("again.toml", text)) == (
        0,
        "workload `redis` is set, version 2\n",
        "",
    )
    assert json.loads(keyserver("workload", "show", "redis", "--json")[1])["document"] == document


def _toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def test_a_missing_secret_is_named(keyserver, files):
    keyserver.operator.remove_secret("pw")
    assert keyserver("workload", "set", *files) == (
        1,
        "",
        "error: there is no secret `pw`\nhint: `caisson secret list` shows those that there are\n",
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "name is missing; policy is missing"),
        ("name = ", " is not TOML: Invalid value (at end of document)"),
        (f"{DOCUMENT}\nsurprise = 1", "policy is missing; file.0 has a member that is not known"),
    ],
)
def test_a_document_that_is_wrong_says_where(keyserver, document, message):
    path = keyserver.file("redis.toml", document)
    code, out, err = keyserver("workload", "set", path)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: `{path}`: workload")
    assert err.endswith(f"{message}\nhint: docs/reference/keyserver-api.md says what a workload holds\n")


def test_a_file_that_is_not_there_is_named(keyserver):
    missing = keyserver.directory / "missing.toml"
    assert keyserver("workload", "set", str(missing)) == (
        2,
        "",
        f"error: cannot read `{missing}`: No such file or directory\nhint: check the path, and who may read it\n",
    )


@pytest.mark.parametrize("command", [[], ["set"], ["policy"], ["list"], ["show"], ["remove"]])
def test_every_help_ends_with_an_example(keyserver, command):
    code, out, _ = keyserver("workload", *command, "--help")
    assert code == 0
    assert "Example:\n    caisson " in out
