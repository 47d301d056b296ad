"""Attestation results as tokens that others can check: EAR, signed as JWT with ES256.

Sources: draft-ietf-rats-ear (claims, by the names that Veraison and Trustee have for them in JSON), RFC 9711 (EAT),
RFC 7515 to 7519 (JOSE).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from caisson import __version__
from caisson.errors import Expired, Malformed, NotYetValid, SignatureRejected
from caisson.evidence.certificate import UNREADABLE
from caisson.evidence.result import AttestationResult
from caisson.evidence.signed_json import Fields
from caisson.evidence.trust_vector import NAMES, Tier

PROFILE = "tag:github.com,2023:veraison/ear"
ALGORITHM = "ES256"

_DEVELOPER = "Caisson"
_MAKE = "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes one"
_NO_TEE = "evidence"
_MOST_BYTES = 64 * 1024
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,88}")
_MOST_TIME = 1 << 40
_CLAIMS = range(-128, 128)
_UNREADABLE = (*UNREADABLE, JoseError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class EarSigner:
    """The verifier's key; its name (`kid`) is its RFC 7638 thumbprint."""

    _key: ECKey

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(ECKey.generate_key("P-256", auto_kid=True))

    @classmethod
    def load(cls, pem: bytes) -> Self:
        """Read a private key in PEM, on P-256 and without a passphrase.

        Raises:
            Malformed: not such a key.
        """
        try:
            private = load_pem_private_key(pem, None)
        except UNREADABLE as cause:
            raise Malformed("the verifier's key is not a private key in PEM", hint=_MAKE) from cause
        if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
            raise Malformed("the verifier's key is not on P-256", hint=_MAKE)
        key = ECKey.import_key(pem.decode())
        key.ensure_kid()
        return cls(key)

    def sign(self, result: AttestationResult, *, lifetime: timedelta, nonce: str | None = None) -> str:
        """Give the token for a result. It ends after `lifetime`, or earlier with the argument that it rests on.

        Raises:
            Malformed: a nonce that is not 8 to 88 letters of base64url.
        """
        if nonce is not None and not _NONCE.fullmatch(nonce):
            raise Malformed("nonce is not 8 to 88 letters of base64url")
        ends = result.at + lifetime if result.expires is None else min(result.at + lifetime, result.expires)
        claims: dict[str, Any] = {
            "eat_profile": PROFILE,
            "iat": int(result.at.timestamp()),
            "exp": int(ends.timestamp()),
            "ear.verifier-id": {"developer": _DEVELOPER, "build": f"caisson {__version__}"},
            "submods": {result.tee or _NO_TEE: _appraisal(result)},
        }
        if nonce is not None:
            claims["eat_nonce"] = nonce
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key)

    def keys(self) -> dict[str, Any]:
        """Give the public key as a JWK set, for whoever checks tokens."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "alg": ALGORITHM, "use": "sig"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEar:
    """A token that a known verifier signed and that is valid now. `status` and `vector` are of its one submodule."""

    tee: str
    status: Tier
    vector: dict[str, int]
    policy_id: str | None
    accepted: bool | None
    reasons: tuple[str, ...]
    facts: dict[str, Any]
    nonce: str | None
    issued: datetime
    expires: datetime


def verify_ear(token: str, keys: dict[str, Any], *, at: datetime) -> VerifiedEar:
    """Check a token of ours with a verifier's published keys.

    1. It is a JWT, signed with ES256 and nothing else by one of `keys`, which the token names.
    2. It is valid at `at`.
    3. It is an EAR of the profile, with one submodule, whose status is not better than its worst claim.

    Raises:
        Malformed: not a JWK set, not a token, or not an EAR.
        SignatureRejected: not by one of these keys.
        NotYetValid, Expired: not valid at `at`.
    """
    if len(token) > _MOST_BYTES:
        raise Malformed(f"token has {len(token)} letters, more than {_MOST_BYTES}")
    try:
        known = KeySet.import_key_set({"keys": list(keys["keys"])})
        if not all(isinstance(key, ECKey) and key.curve_name == "P-256" for key in known.keys):
            raise Malformed("the verifier's keys are not all on P-256")
    except _UNREADABLE as cause:
        raise Malformed("the verifier's keys are not a JWK set") from cause
    # 1. The signature.
    try:
        verified = jwt.decode(token, known, algorithms=[ALGORITHM])
    except _UNREADABLE as cause:
        raise SignatureRejected(
            "token is not signed with ES256 by one of the verifier's keys",
            hint="is it a whole token, and are these the keys of the verifier that you asked?",
        ) from cause
    claims = Fields(verified.claims, "token")
    # 2. The clock.
    issued, expires = (datetime.fromtimestamp(claims.integer(name, most=_MOST_TIME), UTC) for name in ("iat", "exp"))
    if at < issued:
        raise NotYetValid(f"token was issued at {issued.isoformat()}, and it is {at.isoformat()}")
    if at >= expires:
        raise Expired(f"token was valid until {expires.isoformat()}, and it is {at.isoformat()}")
    # 3. The claims.
    if claims.text("eat_profile") != PROFILE:
        raise Malformed("token is of another profile")
    submodules = claims.member("submods")
    if len(submodules.value) != 1:
        raise Malformed(f"token has {len(submodules.value)} submodules, not one")
    (tee,) = submodules.value
    return _read(tee, submodules.member(tee), claims, issued=issued, expires=expires)


def _read(tee: str, appraisal: Fields, claims: Fields, *, issued: datetime, expires: datetime) -> VerifiedEar:
    named = appraisal.member("ear.trustworthiness-vector")
    vector = {name: named.value.get(name) for name in NAMES}
    if set(named.value) != set(NAMES) or any(
        type(claim) is not int or claim not in _CLAIMS for claim in vector.values()
    ):
        raise Malformed("token has a trustworthiness vector that is none")
    status = next((tier for tier in Tier if tier.name.lower() == appraisal.text("ear.status")), None)
    numbers = {name: claim for name, claim in vector.items() if claim is not None}
    if status is None or (status is not Tier.NONE and status < max(map(Tier.of, numbers.values()))):
        raise Malformed("token has a status that is better than its claims")
    accepted = appraisal.value.get("caisson.accepted")
    if accepted is not None and type(accepted) is not bool:
        raise Malformed("token: `caisson.accepted` is not of type bool")
    return VerifiedEar(
        tee=tee,
        status=status,
        vector=numbers,
        policy_id=appraisal.text("ear.appraisal-policy-id") if "ear.appraisal-policy-id" in appraisal.value else None,
        accepted=accepted,
        reasons=appraisal.texts("caisson.reasons"),
        facts=appraisal.member("caisson.evidence").value,
        nonce=claims.text("eat_nonce") if "eat_nonce" in claims.value else None,
        issued=issued,
        expires=expires,
    )


def _appraisal(result: AttestationResult) -> dict[str, Any]:
    appraisal: dict[str, Any] = {
        "ear.status": result.status.name.lower(),
        "ear.trustworthiness-vector": result.vector.members(),
        "caisson.genuine": result.genuine,
        "caisson.accepted": result.accepted,
        "caisson.reasons": list(result.reasons),
        "caisson.evidence": result.facts,
    }
    if result.policy_id is not None:
        appraisal["ear.appraisal-policy-id"] = result.policy_id
    return appraisal
