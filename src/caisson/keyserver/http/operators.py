"""The operators' API: everything below `/v1/operator`, with a bearer token."""

from collections.abc import Callable
from dataclasses import asdict

from pydantic_core import from_json
from starlette.responses import Response
from starlette.routing import Route

from caisson.errors import Malformed
from caisson.keyserver.http.bodies import GenerationBody, SecretBody, TokenBody, VersionBody
from caisson.keyserver.http.requests import bearer_token
from caisson.keyserver.operator import Operator
from caisson.keyserver.server import KeyServer
from caisson.keyserver.workload import Workload
from caisson.protocol import canonical
from caisson.web import Call, answer, route

PREFIX = "/v1/operator"
MOST_AUDIT_LINES = 1000


def operator_routes(server: KeyServer) -> list[Route]:
    """Give all routes of operators; each authenticates before it reads anything else."""

    def operated(method: str, path: str, handler: Callable[[Operator, Call], Response]) -> Route:
        return route(
            method, PREFIX + path, lambda call: handler(Operator.authenticate(server, bearer_token(call.request)), call)
        )

    return [
        operated("GET", "/workloads", _list_workloads),
        operated("PUT", "/workloads/{name}", _set_workload),
        operated("GET", "/workloads/{name}", _show_workload),
        operated("DELETE", "/workloads/{name}", _remove_workload),
        operated("GET", "/secrets", _list_secrets),
        operated("PUT", "/secrets/{name}", _set_secret),
        operated("GET", "/secrets/{name}", _show_secret),
        operated("DELETE", "/secrets/{name}", _remove_secret),
        operated("POST", "/secrets/{name}/generate", _generate_secret),
        operated("POST", "/secrets/{name}/reveal", _reveal_secret),
        operated("GET", "/tokens", _list_tokens),
        operated("POST", "/tokens", _create_token),
        operated("DELETE", "/tokens/{name}", _revoke_token),
        operated("GET", "/audit", _audit),
        operated("GET", "/audit/head", _audit_head),
    ]


def _list_workloads(operator: Operator, _call: Call) -> Response:
    return answer({"workloads": [asdict(info) for info in operator.workloads()]})


def _set_workload(operator: Operator, call: Call) -> Response:
    try:
        # Unlike `json`, it refuses strings that are no text, and nesting without end.
        document = from_json(call.raw)
    except ValueError:
        raise Malformed("body: not JSON") from None
    if not isinstance(document, dict):
        raise Malformed("body: not a JSON object")
    workload = Workload.parse(document)
    if workload.name != call.name:
        raise Malformed("body: the workload has another name than the path")
    return answer({"workload": asdict(operator.set_workload(workload))})


def _show_workload(operator: Operator, call: Call) -> Response:
    info, workload = operator.workload(call.name)
    return answer({"workload": asdict(info), "document": workload.model_dump(mode="json")})


def _remove_workload(operator: Operator, call: Call) -> Response:
    operator.remove_workload(call.name)
    return answer({})


def _list_secrets(operator: Operator, _call: Call) -> Response:
    return answer({"secrets": [asdict(info) for info in operator.secrets()]})


def _set_secret(operator: Operator, call: Call) -> Response:
    return answer({"secret": asdict(operator.set_secret(call.name, call.body(SecretBody).secret))})


def _show_secret(operator: Operator, call: Call) -> Response:
    return answer({"secret": asdict(operator.secret_info(call.name))})


def _remove_secret(operator: Operator, call: Call) -> Response:
    operator.remove_secret(call.name)
    return answer({})


def _generate_secret(operator: Operator, call: Call) -> Response:
    body = call.body(GenerationBody)
    info, made = operator.generate_secret(call.name, body.generation, if_absent=body.if_absent)
    return answer({"secret": asdict(info), "made": made})


def _reveal_secret(operator: Operator, call: Call) -> Response:
    info, value = operator.reveal_secret(call.name, call.body(VersionBody).version)
    return answer({"secret": asdict(info), "value": canonical.base64_text(value.reveal())})


def _list_tokens(operator: Operator, _call: Call) -> Response:
    return answer({"tokens": [asdict(info) for info in operator.tokens()]})


def _create_token(operator: Operator, call: Call) -> Response:
    info, token = operator.create_token(call.body(TokenBody).name)
    return answer({"token": asdict(info), "value": token.reveal().decode()}, 201)


def _revoke_token(operator: Operator, call: Call) -> Response:
    operator.revoke_token(call.name)
    return answer({})


def _audit(operator: Operator, call: Call) -> Response:
    after = call.number("after", -1)
    limit = min(max(call.number("limit", MOST_AUDIT_LINES), 1), MOST_AUDIT_LINES)
    lines = operator.audit_lines(after=after, limit=limit)
    return Response(b"".join(line + b"\n" for line in lines), media_type="application/jsonl")


def _audit_head(operator: Operator, _call: Call) -> Response:
    return answer({"envelope": operator.audit_head()})
