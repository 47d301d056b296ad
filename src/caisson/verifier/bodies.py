"""The bodies of the API. What is described here is what is accepted: the OpenAPI document is made of it."""

from typing import Annotated, Any, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from caisson.web import VERSION

_Base64 = Annotated[
    Base64Bytes, Field(max_length=700_000, json_schema_extra={"format": "byte", "pattern": "^[A-Za-z0-9+/=]*$"})
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class SnpBody(_Body):
    """What an SNP report needs: the VCEK's or VLEK's certificate, its chain (DER or PEM), the revocation list (DER)."""

    vek: _Base64
    chain: _Base64
    crl: _Base64 | None = None


class VerificationBody(_Body):
    """Evidence to verify: a quote, activation evidence, a certificate that carries either, or an SNP report.

    `policy` names one of the verifier's; without it, only whether the evidence is genuine is asked. Without
    `collateral` the verifier fetches it. `nonce` returns in the token, as `eat_nonce`.
    """

    evidence: _Base64
    policy: Annotated[str, Field(max_length=64)] | None = None
    collateral: dict[str, str] | None = None
    snp: SnpBody | None = None
    nonce: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{8,88}$")] | None = None


class ErrorDetail(_Body):
    """What went wrong; `hint` may be empty."""

    code: str
    message: str
    hint: str


class ErrorAnswer(_Body):
    """There is no verdict."""

    version: Literal[VERSION]  # type: ignore[valid-type] # the number of the module that makes the answers
    error: ErrorDetail


class VerificationAnswer(_Body):
    """A verdict: is the evidence genuine, does the policy accept it (`null` if none was asked), and why not.

    `facts` are what genuine evidence shows, `vector` AR4SI's claims, `token` all of it as a signed EAR.
    """

    version: Literal[VERSION]  # type: ignore[valid-type]
    genuine: bool
    accepted: bool | None
    status: Literal["none", "affirming", "warning", "contraindicated"]
    reasons: list[str]
    tee: str | None
    facts: dict[str, Any]
    vector: dict[str, int]
    policy_id: str | None
    token: str


class PolicyEntry(_Body):
    """A policy of the verifier: its name, and the name of its content."""

    name: str
    id: str


class PoliciesAnswer(_Body):
    """The verifier's policies."""

    version: Literal[VERSION]  # type: ignore[valid-type]
    policies: list[PolicyEntry]


class HealthAnswer(_Body):
    """The verifier answers."""

    version: Literal[VERSION]  # type: ignore[valid-type]
    status: Literal["ok"]


class KeysAnswer(_Body):
    """The verifier's public keys, as a JWK set."""

    keys: list[dict[str, str]]
