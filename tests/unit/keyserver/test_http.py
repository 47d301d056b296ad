"""The HTTP edge: codes, limits, tokens, and that nothing given comes back in an error."""

import base64
import json
import logging
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from caisson.errors import Unavailable
from caisson.keyserver import Allowance, Secret, build_app
from caisson.keyserver.challenges import Challenges
from caisson.protocol import canonical
from tests.guest import CHALLENGE_REQUEST, DEBUG, launch

CANARY = "canary-77aa"


def error(response):
    body = response.json()
    assert set(body) == {"error", "version"}
    return response.status_code, body["error"]["code"]


def test_a_guest_is_activated_over_http(world, http):
    challenge = http.post("/v1/challenges", content=CHALLENGE_REQUEST)
    assert challenge.status_code == 201
    guest = world.guest()
    evidence = guest.prove(challenge.content, pin=world.server.face.key_hash)
    answer = http.post("/v1/activations", content=evidence.encode())
    assert answer.status_code == 200
    assert guest.open(answer.content, evidence, server_key=world.server.face.identity).workload == "redis"


def _body(world, **changes):
    return world.guest().prove(world.activations.challenge(), **changes).encode()


def _used(world):
    body = _body(world)
    world.activations.activate(body)
    return body


@pytest.mark.parametrize(
    ("status", "code", "make"),
    [
        (400, "malformed", lambda _world: b"{}"),
        (403, "nonce-rejected", _used),
        (404, "workload-unknown", lambda world: _body(world, workload="mysql")),
        (
            403,
            "policy-rejected",
            lambda world: (
                world.guest(enclave=launch(world.platform, attributes=DEBUG))
                .prove(world.activations.challenge())
                .encode()
            ),
        ),
        (413, "too-large", lambda _world: b" " * (1024 * 1024 + 1)),
    ],
)
def test_each_refusal_has_the_code_of_the_protocol(world, http, status, code, make):
    assert error(http.post("/v1/activations", content=make(world))) == (status, code)


def test_evidence_of_an_unknown_root_has_the_code_of_the_protocol(world, http, other_platform):
    guest = world.guest(platform=other_platform, enclave=launch(other_platform))
    body = guest.prove(world.activations.challenge()).encode()
    assert error(http.post("/v1/activations", content=body)) == (403, "evidence-rejected")


def test_missing_collateral_has_the_code_of_the_protocol(world, http):
    def fetch(_kind):
        raise Unavailable("the provisioning service does not answer")

    world.activations.collaterals._fetch = fetch
    assert error(http.post("/v1/activations", content=_body(world))) == (503, "unavailable")


def test_a_flood_of_challenges_has_the_code_of_the_protocol(world, http):
    world.server.challenges = Challenges(world.server.store, most_open=1)
    assert http.post("/v1/challenges", content=CHALLENGE_REQUEST).status_code == 201
    refused = http.post("/v1/challenges", content=CHALLENGE_REQUEST)
    assert error(refused) == (429, "too-many")
    assert refused.headers["retry-after"] == "60"


def test_who_is_refused_can_have_so_many_records_of_it_written_and_who_is_activated_may_go_on(world):
    activations = replace(world.activations, allowance=Allowance(4, clock=lambda: 0.0))
    with TestClient(build_app(activations)) as http:

        def evidence():
            return world.guest().prove(http.post("/v1/challenges", content=CHALLENGE_REQUEST).content)

        for _ in range(8):
            assert http.post("/v1/activations", content=evidence().encode()).status_code == 200
        before = len(world.audit())
        for _ in range(4):
            forged = replace(evidence(), quote=b"forged")
            assert error(http.post("/v1/activations", content=forged.encode())) == (400, "malformed")
            assert error(http.post("/v1/activations", content=forged.encode())) == (403, "nonce-rejected")
        refused = http.post("/v1/challenges", content=CHALLENGE_REQUEST)
        assert error(refused) == (429, "too-many")
        assert refused.headers["retry-after"] == "225"
        assert [record.kind for record in world.audit()[before:]] == ["activation-refused"] * 4


@pytest.mark.parametrize("body", [b"", b"{}", b'{"version":2}', b'{"version": 1}', b'{"version":1,"x":1}', b"[1]"])
def test_only_the_one_challenge_request_is_one(http, body):
    assert error(http.post("/v1/challenges", content=body)) == (400, "malformed")


def test_a_body_without_a_length_is_cut_off_at_the_limit(http):
    def endless():
        for _ in range(64):
            yield b" " * 65536

    assert error(http.post("/v1/activations", content=endless())) == (413, "too-large")


def test_nesting_without_end_is_malformed(world, http):
    deep = b"[" * 200_000
    headers = {"authorization": f"Bearer {world.token.reveal().decode()}"}
    assert error(http.post("/v1/activations", content=deep)) == (400, "malformed")
    for method, path in (("PUT", "/v1/operator/workloads/redis"), ("PUT", "/v1/operator/secrets/a")):
        assert error(http.request(method, path, content=deep, headers=headers)) == (400, "malformed")


def test_what_is_public_is_public(world, http):
    assert http.get("/v1/identity").json()["server_key_sha256"] == str(world.server.face.key_hash)
    assert http.get("/v1/ca").text == world.server.face.ca_pem
    assert http.get("/healthz").json() == {"version": 1, "status": "ok"}


def test_every_answer_says_not_to_keep_it(http):
    for path in ("/healthz", "/nowhere", "/v1/operator/secrets"):
        response = http.get(path)
        assert (response.headers["cache-control"], response.headers["x-content-type-options"]) == (
            "no-store",
            "nosniff",
        )


def test_a_development_server_says_so_in_every_answer(world):
    with TestClient(build_app(world.activations, dev=True)) as dev, TestClient(build_app(world.activations)) as real:
        for path in ("/healthz", "/nowhere", "/v1/operator/secrets", "/v1/ca"):
            assert "caisson-insecure-dev" in dev.get(path).headers
            assert "caisson-insecure-dev" not in real.get(path).headers


OPERATOR_PATHS = [
    ("GET", "/workloads"),
    ("PUT", "/workloads/redis"),
    ("GET", "/workloads/redis"),
    ("DELETE", "/workloads/redis"),
    ("GET", "/secrets"),
    ("PUT", "/secrets/password"),
    ("GET", "/secrets/password"),
    ("DELETE", "/secrets/password"),
    ("POST", "/secrets/password/generate"),
    ("POST", "/secrets/password/reveal"),
    ("GET", "/tokens"),
    ("POST", "/tokens"),
    ("DELETE", "/tokens/0123456789abcdef"),
    ("GET", "/audit"),
    ("GET", "/audit/head"),
]


def test_the_list_of_operators_paths_is_complete(http):
    found = {
        (method, route.path.removeprefix("/v1/operator").replace("{name}", "NAME"))
        for route in http.app.routes
        if route.path.startswith("/v1/operator")
        for method in route.methods - {"HEAD"}
    }
    names = ("redis", "password", "0123456789abcdef")
    listed = {
        (method, "/".join("NAME" if part in names else part for part in path.split("/")))
        for method, path in OPERATOR_PATHS
    }
    assert found == listed


@pytest.mark.parametrize(("method", "path"), OPERATOR_PATHS)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic abc", f"Bearer {CANARY}", "Bearer caisson-" + "0" * 16 + "-" + "0" * 64],
)
def test_without_a_valid_token_operators_get_nothing(world, http, method, path, authorization):
    before = len(world.audit())
    headers = {} if authorization is None else {"authorization": authorization}
    response = http.request(method, "/v1/operator" + path, headers=headers, content=b"{}")
    assert error(response) == (401, "token-rejected")
    assert CANARY not in response.text
    assert len(world.audit()) == before


@pytest.mark.parametrize(
    "path",
    ["/v1/operator/secrets/../secrets/password", "/v1/operator/secrets/%2e%2e%2fpassword", "/v1/operator/secrets/A"],
)
def test_a_name_is_never_a_path(world, http, path):
    headers = {"authorization": f"Bearer {world.token.reveal().decode()}"}
    response = http.get(path, headers=headers)
    assert response.status_code in {200, 400, 404}
    if response.status_code == 200:  # the client folded the path before it sent it
        assert response.json()["secret"]["name"] == "password"
    assert CANARY not in response.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/secrets/a", f'{{"value":"{CANARY}'),
        ("PUT", "/secrets/a", f'{{"value":"{CANARY}!"}}'),
        ("PUT", "/secrets/a", f'{{"value":["{CANARY}"]}}'),
        ("PUT", "/secrets/a", f'{{"valeu":"{CANARY}","{CANARY}":1}}'),
        ("PUT", "/secrets/a", f'"{CANARY}"'),
        ("PUT", "/secrets/a", CANARY),
        ("PUT", "/workloads/redis", f'{{"name":"redis","policy":"{CANARY} ="}}'),
        ("PUT", "/workloads/redis", f'{{"{CANARY}":1}}'),
        ("POST", "/secrets/a/generate", f'{{"kind":"{CANARY}"}}'),
        ("POST", "/secrets/a/generate", f'{{"kind":"password","length":"{CANARY}"}}'),
        ("POST", "/tokens", f'{{"name":["{CANARY}"]}}'),
    ],
)
def test_what_was_given_wrongly_is_never_repeated(world, http, caplog, method, path, body):
    caplog.set_level(logging.DEBUG)
    headers = {"authorization": f"Bearer {world.token.reveal().decode()}"}
    response = http.request(method, "/v1/operator" + path, content=body, headers=headers)
    assert error(response) in {(400, "malformed"), (400, "usage")}
    assert CANARY not in response.text + caplog.text + repr(world.audit())


@pytest.mark.parametrize("member", ["name", "policy", "argv", "env", "fs_keys", "file"])
def test_text_that_is_none_is_malformed_wherever_it_stands(world, http, member):
    headers = {"authorization": f"Bearer {world.token.reveal().decode()}"}
    bad = "\ud800"
    values = {"env": {bad: bad}, "fs_keys": {bad: bad}, "argv": [bad], "file": [{"path": f"/{bad}", "content": bad}]}
    body = json.dumps(world.document(**{member: values.get(member, bad)}))
    response = http.put("/v1/operator/workloads/redis", content=body, headers=headers)
    assert error(response) == (400, "malformed")


def test_a_bug_is_answered_and_logged_without_its_values(world, http, caplog, monkeypatch):
    def broken():
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(type(world.activations), "challenge", lambda _self: broken())
    response = http.post("/v1/challenges", content=CHALLENGE_REQUEST)
    assert error(response) == (500, "bug")
    assert CANARY not in response.text + caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_damaged_record_is_for_the_log_and_not_for_guests(world, http, caplog):
    from sqlalchemy import text

    with world.server.store.write() as session:
        session.execute(text("UPDATE sealed SET identifier = 'redis', version = 2 WHERE identifier = 'password'"))
        session.execute(text("UPDATE sealed SET \"table\" = 'workload' WHERE identifier = 'redis'"))
    response = http.post("/v1/activations", content=_body(world))
    assert error(response) == (503, "unavailable")
    assert "sealed" not in response.text
    assert not caplog.text or "canary" not in caplog.text


def test_unknown_paths_and_methods_have_the_same_form(http):
    assert error(http.get("/nowhere")) == (404, "unknown")
    assert error(http.get("/v1/challenges")) == (404, "unknown")


@pytest.mark.parametrize("query", ["after=x", "limit=1e9", "after=" + "9" * 40, "limit="])
def test_a_query_that_is_no_number_is_malformed(world, http, query):
    headers = {"authorization": f"Bearer {world.token.reveal().decode()}"}
    assert error(http.get(f"/v1/operator/audit?{query}", headers=headers)) == (400, "malformed")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_guests_send_is_answered_in_the_protocols_form(http, data):
    good = {"version": 1, "quote": base64.b64encode(bytes(500)).decode(), "runtime_data": "e30="}
    document = data.draw(
        st.dictionaries(st.sampled_from([*good, "x"]), st.integers(-99, 99) | st.text(max_size=20), max_size=4)
    )
    spelling = data.draw(st.sampled_from([canonical.encode, lambda value: json.dumps(value).encode()]))
    body = data.draw(st.just(spelling(good | document)) | st.binary(max_size=80))
    response = http.post("/v1/activations", content=body)
    assert error(response)[0] in {400, 403}


def test_a_mutated_activation_is_never_answered_with_a_bundle(world, http):
    rng = random.Random(7)
    for _ in range(150):
        good = _body(world)
        # Of the quote everything before its certificates, where white space is nobody's; and all that follows it.
        places = [*range(1300), *range(good.index(b'"runtime_data"'), len(good))]
        body = bytearray(good)
        while body == good:
            for _ in range(rng.choice([1, 1, 2, 8])):
                body[rng.choice(places)] = rng.choice(b'A0"}{:,\x00\xff')
        response = http.post("/v1/activations", content=bytes(body))
        assert error(response)[0] in {400, 403, 404, 503}


def test_a_secret_reaches_its_operator_unchanged(client):
    value = bytes(range(256))
    client.set_secret("binary", Secret(value))
    assert client.reveal_secret("binary").reveal() == value
