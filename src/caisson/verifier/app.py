"""The ASGI application."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response

from caisson.evidence import policy_id
from caisson.verifier.bodies import VerificationBody
from caisson.verifier.gate import Gate
from caisson.verifier.openapi import document
from caisson.verifier.verifier import Verifier
from caisson.web import Call, FixedHeaders, answer, no_such_path, route, wrong_method

_JSON = "application/json"


def build_app(
    verifier: Verifier,
    gate: Gate,
    *,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """Put the API together; `gate` limits the work of verifying."""
    openapi = json.dumps(document()).encode()
    keys = json.dumps(verifier.signer.keys()).encode()

    def verify(call: Call) -> Response:
        with gate.place():
            result, token = verifier.verify(call.body(VerificationBody), client=call.client)
        return answer(
            {
                "genuine": result.genuine,
                "accepted": result.accepted,
                "status": result.status.name.lower(),
                "reasons": list(result.reasons),
                "tee": result.tee,
                "facts": result.facts,
                "vector": result.vector.members(),
                "policy_id": result.policy_id,
                "token": token,
            }
        )

    def policies(_call: Call) -> Response:
        return answer(
            {
                "policies": [
                    {"name": name, "id": policy_id(policy)} for name, policy in sorted(verifier.policies.items())
                ]
            }
        )

    def health(_call: Call) -> Response:
        return answer({"status": "ok"})

    handlers: dict[Any, Any] = {404: no_such_path, 405: wrong_method}
    return Starlette(
        routes=[
            route("POST", "/v1/verify", verify),
            route("GET", "/v1/policies", policies),
            route("GET", "/v1/openapi.json", lambda _call: Response(openapi, media_type=_JSON)),
            route("GET", "/.well-known/jwks.json", lambda _call: Response(keys, media_type=_JSON)),
            route("GET", "/healthz", health),
        ],
        middleware=[Middleware(FixedHeaders, more={})],
        exception_handlers=handlers,
        lifespan=lifespan,
    )
