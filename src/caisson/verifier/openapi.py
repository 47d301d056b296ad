"""The OpenAPI document: paths by hand, bodies from the models that read them."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from caisson import __version__
from caisson.verifier.bodies import (
    ErrorAnswer,
    HealthAnswer,
    KeysAnswer,
    PoliciesAnswer,
    VerificationAnswer,
    VerificationBody,
)

_JSON = "application/json"
_ERRORS = {
    "400": "the request, the evidence or the collateral is not well-formed, or something is missing",
    "404": "there is no such policy",
    "413": "the body is over the limit of 1 MiB",
    "429": "the verifier is asked too much; `Retry-After` says when to come again",
    "500": "the verifier has a bug",
    "503": "there is no collateral for now",
}


def document() -> dict[str, Any]:
    """Give the document, OpenAPI 3.1."""
    models = (VerificationBody, VerificationAnswer, ErrorAnswer, PoliciesAnswer, HealthAnswer, KeysAnswer)
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Caisson verifier",
            "version": __version__,
            "description": "Verifies SGX and TDX quotes, activation evidence, certificates and SNP reports.",
        },
        "paths": {
            "/v1/verify": {"post": _verify()},
            "/v1/policies": {"get": _get("policies", "The policies that evidence can be held against", PoliciesAnswer)},
            "/.well-known/jwks.json": {"get": _get("keys", "The keys that tokens are signed with", KeysAnswer)},
            "/healthz": {"get": _get("health", "Whether the verifier answers", HealthAnswer)},
            "/v1/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This document",
                    "responses": {"200": {"description": "OpenAPI 3.1", "content": {_JSON: {"schema": {}}}}},
                }
            },
        },
        "components": {"schemas": schemas["$defs"]},
    }


def _verify() -> dict[str, Any]:
    return {
        "operationId": "verify",
        "summary": "Verify evidence",
        "description": "A verdict, good or bad, is 200; everything else is none, and never to be taken for a good one.",
        "requestBody": {"required": True, "content": {_JSON: {"schema": _reference(VerificationBody)}}},
        "responses": {
            "200": _content("A verdict", VerificationAnswer),
            **{status: _content(f"No verdict: {words}", ErrorAnswer) for status, words in _ERRORS.items()},
        },
    }


def _get(name: str, summary: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"operationId": name, "summary": summary, "responses": {"200": _content(summary, model)}}


def _content(words: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"description": words, "content": {_JSON: {"schema": _reference(model)}}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
