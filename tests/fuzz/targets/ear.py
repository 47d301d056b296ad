"""Attestation results: tokens as they are, and any claims in a token of a known verifier."""

import json
from datetime import timedelta

from joserfc import jws
from joserfc.jwk import ECKey

from caisson.evidence import Collateral, EarSigner, Evidence, Question, examine, verify_ear
from tests.fuzz.evidence import DOMAIN, SCENE, each

KEY = ECKey.generate_key("P-256")
KEY.ensure_kid()
SIGNER = EarSigner(KEY)
KEYS = SIGNER.keys()


def check(raw):
    each(
        lambda: verify_ear(raw.decode("latin-1"), KEYS, at=SCENE.at),
        lambda: verify_ear(_token(raw), KEYS, at=SCENE.at),
        lambda: verify_ear(TOKENS[0], _json(raw), at=SCENE.at),
    )


def _token(claims):
    return jws.serialize_compact({"alg": "ES256", "kid": KEY.kid}, claims, KEY)


def _json(raw):
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _tokens():
    for scene in (SCENE, DOMAIN):
        question = Question(policy=None, roots=scene.roots, at=scene.at)
        result = examine(Evidence.recognise(scene.quote), Collateral.parse(scene.collateral), question)
        yield SIGNER.sign(result, lifetime=timedelta(minutes=5), nonce="n-0123456789")


TOKENS = list(_tokens())


def extra_seeds():
    payloads = [jws.extract_compact(token.encode()).payload for token in TOKENS]
    return [*(token.encode() for token in TOKENS), *payloads, json.dumps(KEYS).encode()]
