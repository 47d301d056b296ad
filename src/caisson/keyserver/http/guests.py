"""The guests' API (docs/reference/protocol.md), and what anyone may ask."""

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from caisson.errors import Unknown
from caisson.keyserver.activation import Activations
from caisson.protocol import canonical
from caisson.web import Call, answer, route

CHALLENGE_VERSION = 1
_JSON = "application/json"


def guest_routes(activations: Activations) -> list[Route]:
    """Give the routes of challenges and activations, and the public ones."""
    server = activations.server

    def challenge(call: Call) -> Response:
        members = canonical.Members(canonical.decode(call.raw, what="challenge request"), what="challenge request")
        members.version(CHALLENGE_VERSION)
        members.finish()
        activations.allowance.take(call.client)
        return Response(activations.challenge(), status_code=201, media_type=_JSON)

    def activate(call: Call) -> Response:
        bundle = activations.activate(call.raw, client=call.client)
        activations.allowance.give_back(call.client)
        return Response(bundle, media_type=_JSON)

    def identity(_call: Call) -> Response:
        face = server.face
        return answer(
            {
                "server_key": canonical.base64_text(face.identity),
                "server_key_sha256": str(face.key_hash),
                "trust_domain": face.trust_domain,
            }
        )

    def authority(_call: Call) -> Response:
        return PlainTextResponse(server.face.ca_pem, media_type="application/x-pem-file")

    def health(_call: Call) -> Response:
        with server.store.read() as session:
            server.audit.head(session)
        return answer({"status": "ok"})

    return [
        route("POST", "/v1/challenges", challenge),
        route("POST", "/v1/activations", activate, codes={Unknown: "workload-unknown"}),
        route("GET", "/v1/identity", identity),
        route("GET", "/v1/ca", authority),
        route("GET", "/healthz", health),
    ]
