import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.keyserver.operator import decode_workload, encode_workload
from caisson.keyserver.secret import Secret
from caisson.keyserver.workload import Workload
from caisson.protocol import canonical

POLICY = """
version = 1
tee = "sgx"
roots = ["intel-sgx"]
tcb_statuses = ["UpToDate"]
advisories = []
allow_debug = false
minimum_tcb_evaluation_data_number = 0
key_servers = []
enclaves = []
"""
GOOD = {
    "name": "redis",
    "policy": POLICY,
    "fs_keys": {"default": "disk-key"},
    "file": [{"path": "/run/caisson/secrets/redis.conf", "mode": "400", "content": "requirepass {{ secret:pw }}\n"}],
    "env": {"URL": "redis://:{{ secret:pw2 }}@db"},
    "argv": ["--loglevel", "warning"],
    "certificate": {"dns": ["localhost", "redis.example.org"], "ip": ["127.0.0.1", "::1"]},
}
_NO_LIFETIMES = (0, -24, 1081, 24.0, True, "24", None)


def changed(path, value):
    document = json.loads(json.dumps(GOOD))
    *steps, last = path
    place = document
    for step in steps:
        place = place[step]
    place[last] = value
    return document


def test_a_workload_knows_all_secrets_that_it_needs():
    assert Workload.parse(GOOD).secrets == {"disk-key", "pw", "pw2"}


def test_a_document_reads_back_as_it_was_stored():
    workload = Workload.parse(GOOD)
    assert decode_workload(encode_workload(workload)) == workload


@pytest.mark.parametrize(("hours", "lifetime"), [(None, 24), (1, 1), (168, 168), (1080, 1080)])
def test_certificates_live_for_a_day_unless_the_document_says_otherwise(hours, lifetime):
    document = GOOD if hours is None else changed(("certificate", "lifetime_hours"), hours)
    workload = decode_workload(encode_workload(Workload.parse(document)))
    assert workload.certificate.lifetime == timedelta(hours=lifetime)


def test_a_document_that_was_stored_before_there_were_lifetimes_is_a_days():
    stored = json.loads(encode_workload(Workload.parse(GOOD)).reveal())
    del stored["certificate"]["lifetime_hours"]
    assert decode_workload(Secret(canonical.encode(stored))) == Workload.parse(GOOD)


def test_a_mode_may_be_octal_digits_or_a_number():
    assert Workload.parse(GOOD).file[0].mode == 0o400
    assert Workload.parse(changed(("file", 0, "mode"), 0o440)).file[0].mode == 0o440


def test_the_policy_may_come_from_another_file_but_not_from_two():
    assert Workload.parse_toml('name = "a"', policy=POLICY).policy == POLICY
    with pytest.raises(Malformed, match="a policy of its own"):
        Workload.parse_toml('name = "a"\npolicy = ""', policy=POLICY)
    with pytest.raises(Malformed, match="policy"):
        Workload.parse_toml('name = "a"')
    for text in ("name = ", "name = " + "1" * 5000, "name = " + "[" * 5000):
        with pytest.raises(Malformed, match="not TOML"):
            Workload.parse_toml(text)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("name",), "../redis", "not a name for a workload"),
        (("name",), "Redis", "not a name for a workload"),
        (("name",), 7, "string"),
        (("surprise",), 1, "member that is not known"),
        (("file", 0, "owner"), "root", r"file\.0 has a member that is not known"),
        (("policy",), "", "version"),
        (("policy",), POLICY + "accept = true", "accept"),
        (("policy",), POLICY.replace("key_servers = []", ""), "key_servers"),
        (("fs_keys",), {"../x": "pw"}, "name for a file-system key"),
        (("fs_keys",), {"default": "../pw"}, "name for a secret"),
        (("file", 0, "path"), "run/x", "absolute path"),
        (("file", 0, "path"), "/", "absolute path"),
        (("file", 0, "path"), "/run/../etc/x", "absolute path"),
        (("file", 0, "path"), "/run/./x", "absolute path"),
        (("file", 0, "path"), "/run//x", "absolute path"),
        (("file", 0, "path"), "/run/x/", "absolute path"),
        (("file", 0, "path"), "/run/x\0y", "NUL"),
        (("file", 0, "mode"), 0o4755, "less than or equal"),
        (("file", 0, "mode"), -1, "greater than or equal"),
        (("file", 0, "mode"), True, "integer"),
        (("file", 0, "mode"), "999", "integer"),
        (("file", 0, "mode"), "4755", "integer"),
        (("file", 0, "content"), "{{ secret:PW }}", "begins no placeholder"),
        (("env",), {"LD_PRELOAD": "x"}, "variable that may be set"),
        (("env",), {"CAISSON_KEY_SERVER_PIN": "x"}, "variable that may be set"),
        (("env",), {"A=B": "x"}, "variable that may be set"),
        (("env",), {"A": "x\0"}, "NUL"),
        (("env",), {"A": "{{ secret:pw"}, "begins no placeholder"),
        (("argv",), ["--password={{ secret:pw }}"], "everybody on the host can read"),
        (("argv",), ["a\0"], "NUL"),
        (("certificate", "dns"), ["*.example.org"], "without wildcards"),
        (("certificate", "dns"), ["a..b"], "DNS name"),
        (("certificate", "dns"), ["example.org\n"], "DNS name"),
        (("certificate", "ip"), ["300.1.1.1"], r"certificate\.ip\.0 is not an address"),
        (("certificate", "ip"), [7], r"certificate\.ip\.0 is not an address"),
        *((("certificate", "lifetime_hours"), value, r"certificate\.lifetime_hours") for value in _NO_LIFETIMES),
        (("certificate", "uri"), ["spiffe://x/workload/other"], "member that is not known"),
    ],
)
def test_one_wrong_thing_refuses_the_document(path, value, message):
    with pytest.raises(Malformed, match=message):
        Workload.parse(changed(path, value))


@pytest.mark.parametrize("second", ["/run/a", "/run/a/b"])
def test_no_file_lies_at_or_below_another(second):
    files = [{"path": path, "content": ""} for path in (second, "/run/a", "/run/b")]
    with pytest.raises(Malformed, match="at or below another"):
        Workload.parse(changed(("file",), files))


def test_all_faults_are_named_at_once():
    document = changed(("name",), "Redis") | {"argv": [1]}
    with pytest.raises(Malformed, match=r"name is not a name.*argv\.0"):
        Workload.parse(document)


@pytest.mark.parametrize(
    "document",
    [
        changed(("name",), "canary-9!"),
        changed(("file", 0, "path"), "canary-9"),
        changed(("file", 0, "content"), "canary-9 {{"),
        changed(("env", "A"), "canary-9\0"),
        changed(("argv",), ["canary-9\0"]),
        changed(("argv",), "canary-9"),
        changed(("certificate", "ip"), ["canary-9"]),
        changed(("canary-9",), "canary-9"),
    ],
)
def test_no_error_repeats_what_was_given(document):
    with pytest.raises(Malformed) as caught:
        Workload.parse(document)
    assert "canary" not in f"{caught.value!r}{caught.value.hint}"
    assert caught.value.__cause__ is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_comes_is_malformed_or_a_workload(value):
    document = {**GOOD, **value} if isinstance(value, dict) else {**GOOD, "file": value}
    try:
        workload = Workload.parse(document)
    except Malformed:
        return
    assert decode_workload(encode_workload(workload)) == workload
