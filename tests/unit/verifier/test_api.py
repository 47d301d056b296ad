"""The verifier's API: verdicts are 200, all else is none; work has limits; and it is as it describes itself."""

import json
import threading
from base64 import b64encode

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from caisson.errors import TooMany
from caisson.evidence import NamedPcks, Tier, platform_kind_of, verify_ear
from caisson.sgx import ReportData
from caisson.verifier import Gate, Verifier, document
from tests.guest import launch, make_platform, naming
from tests.unit.verifier.conftest import NOW

AMD_REPORT = bytes([3, 0, 0, 0]) + bytes(1180)


def error(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_a_quote_is_held_against_a_policy(world):
    said = world.ask(policy="redis", nonce="fresh-0123456789").json()
    assert (said["version"], said["genuine"], said["accepted"], said["reasons"]) == (1, True, True, [])
    # The policy accepts the software platform, and still it protects nothing.
    assert (said["tee"], said["facts"]["hardware"], said["status"]) == ("sgx", False, "contraindicated")
    keys = world.client.get("/.well-known/jwks.json").json()
    read = verify_ear(said["token"], keys, at=NOW)
    assert (read.accepted, read.nonce, read.policy_id) == (True, "fresh-0123456789", said["policy_id"])
    assert read.status is Tier.CONTRAINDICATED
    policies = world.client.get("/v1/policies").json()["policies"]
    assert policies == [{"name": "redis", "id": said["policy_id"]}]


def test_a_no_is_a_verdict(world):
    # Without a policy, only the vendors' roots count.
    said = world.ask().json()
    assert (said["genuine"], said["accepted"], said["policy_id"]) == (False, None, None)
    assert "which is not accepted" in said["reasons"][0]
    forged = bytearray(world.quote)
    forged[100] ^= 1
    said = world.ask(bytes(forged), policy="redis").json()
    assert (said["genuine"], said["accepted"], said["facts"]) == (False, False, {})
    assert verify_ear(said["token"], world.signer.keys(), at=NOW).accepted is False


def test_a_second_opinion_may_only_refuse(make_world):
    asked = []

    def second(claims):
        asked.append(claims)
        return claims["isv_svn"] > 3

    world = make_world(second=second)
    said = world.ask(policy="redis").json()
    assert (said["genuine"], said["accepted"], said["vector"]["executables"]) == (True, False, 0)
    assert said["reasons"] == ["the verifier's Rego policy does not allow it"]
    assert (asked[0]["tee"], asked[0]["mrenclave"]) == ("sgx", said["facts"]["mrenclave"])
    # Nobody is asked about what is refused anyway.
    forged = bytearray(world.quote)
    forged[100] ^= 1
    assert world.ask(bytes(forged), policy="redis").json()["accepted"] is False
    assert len(asked) == 1
    assert make_world(second=lambda _: True).ask(policy="redis").json()["accepted"]


def test_collateral_is_fetched_unless_it_is_sent(world, make_world):
    world.ask(policy="redis")
    assert world.fetched == [platform_kind_of(world.quote)]
    given = world.platform.collateral()
    assert world.ask(policy="redis", collateral=given).json()["accepted"]
    assert len(world.fetched) == 1
    other = make_world(fetches=False)
    assert other.ask(policy="redis", collateral=given).json()["accepted"]
    assert error(other.ask(policy="redis")) == (400, "usage")


def test_nobody_is_asked_for_the_collateral_of_a_forgery(world, quote):
    made_up = make_platform(NOW.timestamp())
    report = launch(made_up).ereport(made_up.quoting_enclave.target_info, ReportData(bytes(64)))
    for forged in (made_up.quote(report), quote[:400] + bytes([quote[400] ^ 1]) + quote[401:]):
        said = world.ask(forged, policy="redis").json()
        assert (said["genuine"], said["accepted"], said["facts"]) == (False, False, {})
    assert world.fetched == []


def test_a_quote_that_only_names_its_pck_is_refused_unless_its_chain_is_sent(world):
    named = naming(world.quote)
    said = world.ask(named, policy="redis").json()
    assert (said["genuine"], "does not bring it" in said["reasons"][0]) == (False, True)
    assert world.ask(named, policy="redis", collateral=world.platform.collateral()).json()["accepted"]
    assert world.fetched == []


def test_the_chain_is_asked_for_where_that_is_allowed_and_strangers_are_counted(make_world, platform):
    asked, now = [], [0.0]

    def fetch(quote):
        asked.append(quote)
        return platform.provisioning.pck_chain.encode()

    world = make_world(pcks=NamedPcks(fetch, per_minute=8, clock=lambda: now[0]))
    for seconds in (0, 100, 3500):
        now[0] += seconds
        assert world.ask(naming(world.quote), policy="redis").json()["accepted"]
    assert (len(asked), len(world.fetched)) == (1, 3)
    # One signature that does not hold, and a made-up platform that makes up names.
    changed = bytearray(naming(world.quote))
    changed[400] ^= 1
    assert world.ask(bytes(changed), policy="redis").json()["genuine"] is False
    assert len(asked) == 1
    made_up = make_platform(NOW.timestamp())
    forged = made_up.quote(launch(made_up).ereport(made_up.quoting_enclave.target_info, ReportData(bytes(64))))
    now[0] += 60
    for number in range(2):
        said = world.ask(naming(forged, ppid=number.to_bytes(384, "big")), policy="redis").json()
        assert (said["genuine"], said["facts"]) == (False, {})
    answer = world.ask(naming(forged, ppid=bytes([1] * 384)), policy="redis")
    assert (error(answer), answer.headers["retry-after"]) == ((429, "too-many"), "60")
    assert (len(asked), len(world.fetched)) == (3, 3)


def test_reports_bring_their_certificates(world):
    assert error(world.ask(AMD_REPORT)) == (400, "usage")
    snp = {name: b64encode(b"junk").decode() for name in ("vek", "chain", "crl")}
    said = world.ask(AMD_REPORT, snp=snp).json()
    assert (said["genuine"], said["tee"]) == (False, None)
    assert error(world.ask(AMD_REPORT, snp=snp, policy="redis")) == (400, "usage")
    assert error(world.ask(snp=snp)) == (400, "usage")


def test_no_verdict_is_never_200(world):
    assert error(world.ask(policy="unknown")) == (404, "unknown")
    assert error(world.ask(b"\x30\x82")) == (400, "malformed")
    assert error(world.ask(collateral={"tcb_info": "{}"})) == (400, "malformed")
    assert error(world.ask(nonce="bad nonce")) == (400, "malformed")
    assert error(world.ask(colour="blue")) == (400, "malformed")
    assert error(world.client.post("/v1/verify", content=b"{")) == (400, "malformed")
    assert error(world.client.post("/v1/verify", content=bytes(1 << 21))) == (413, "too-large")
    assert error(world.client.get("/nowhere")) == (404, "unknown")
    wrong = world.client.get("/v1/verify")
    assert (error(wrong), wrong.headers["allow"]) == ((405, "method"), "POST")
    world.down = True
    assert error(world.ask(policy="redis")) == (503, "unavailable")


def test_a_bug_is_no_verdict(world, monkeypatch, caplog):
    def broken(_self, _body):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Verifier, "verify", broken)
    answer = world.ask()
    assert error(answer) == (500, "bug")
    assert "secret detail" not in answer.text + caplog.text


def test_work_is_limited_in_time(make_world):
    world = make_world(per_second=3)
    answers = [world.ask(policy="redis") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"
    assert world.client.get("/healthz").json() == {"version": 1, "status": "ok"}
    world.now[0] += 0.4
    assert [world.ask(policy="redis").status_code for _ in range(2)] == [200, 429]
    world.now[0] -= 100
    assert world.ask(policy="redis").status_code == 429
    world.now[0] += 0.4
    assert [world.ask(policy="redis").status_code for _ in range(2)] == [200, 429]
    world.now[0] += 1000
    assert [world.ask(policy="redis").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_work_is_limited_in_number():
    gate = Gate(at_once=2, per_second=100, clock=lambda: 0.0)
    inside, leave = threading.Barrier(3), threading.Event()

    def work():
        with gate.place():
            inside.wait(5)
            leave.wait(5)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(5)
    with pytest.raises(TooMany, match="busy") as caught, gate.place():
        pass
    assert caught.value.after == 1
    leave.set()
    for thread in threads:
        thread.join()
    with gate.place():
        pass


def test_every_answer_has_its_headers(world):
    for path in ("/healthz", "/v1/openapi.json", "/nowhere"):
        headers = world.client.get(path).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


def test_the_description_is_valid_and_names_every_path(world):
    served = world.client.get("/v1/openapi.json").json()
    assert served == json.loads(json.dumps(document()))
    OpenAPIV31SpecValidator(served).validate()
    routes = {(route.path, *sorted(route.methods - {"HEAD"})) for route in world.client.app.routes}
    assert routes == {(path, *(method.upper() for method in item)) for path, item in served["paths"].items()}
