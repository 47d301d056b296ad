"""Bodies of requests to the verifier: any JSON, and evidence in it; a verdict, or an error with words."""

import json
from base64 import b64encode
from datetime import timedelta

from caisson.evidence import EarSigner, parse_policy
from caisson.protocol import ServerKeyHash
from caisson.verifier import Verifier
from caisson.verifier.bodies import VerificationBody
from caisson.web import parse_body
from tests.fuzz.evidence import PLATFORM, SCENE
from tests.guest import policy
from tests.unit.evidence.conftest import launch

VERIFIER = Verifier(
    policies={"redis": parse_policy(policy(PLATFORM, launch(PLATFORM), ServerKeyHash(b"S" * 32)).encode())},
    signer=EarSigner.generate(),
    fetch=None,
    pcks=None,
    second=None,
    lifetime=timedelta(minutes=5),
    clock=lambda: SCENE.at,
)


def check(raw):
    result, token = VERIFIER.verify(parse_body(raw, VerificationBody))
    assert token
    assert result.accepted is not True or result.genuine


def extra_seeds():
    quote = b64encode(SCENE.quote).decode()
    report = b64encode(b"\2" + bytes(1183)).decode()
    bodies = (
        {"evidence": quote, "collateral": SCENE.collateral, "policy": "redis", "nonce": "n-0123456789"},
        {"evidence": quote, "collateral": SCENE.collateral},
        {"evidence": report, "snp": {"vek": "MAA=", "chain": "", "crl": None}},
        {"evidence": "MAA=", "policy": "another"},
        {"evidence": "e30=", "collateral": {}},
    )
    return [json.dumps(body).encode() for body in bodies]
