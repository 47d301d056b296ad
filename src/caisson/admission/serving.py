"""The webhook on a socket, over TLS, until a signal ends it."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from caisson.admission.gate import Gate
from caisson.admission.review import Decision, Review
from caisson.admission.rotation import FileCertificate, OwnCertificate
from caisson.errors import CaissonError
from caisson.web import Call, FixedHeaders, no_such_path, route, serve_application, wrong_method

_LOOK_EVERY = 30.0
_log = logging.getLogger(__name__)


def build_app(
    gate: Gate, *, lifespan: Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]
) -> Starlette:
    """Give the application: `/mutate`, `/validate`, and `/healthz` for probes."""

    def handler(decide: Callable[[Review], Decision]) -> Callable[[Call], Response]:
        def answer(call: Call) -> Response:
            review = Review.parse(call.raw)
            decision = decide(review)
            verdict = "admitted" if decision.allowed else f"refused: {decision.message}"
            _log.info("%s pod in %r: %s", review.operation, review.namespace, verdict)
            return Response(json.dumps(decision.encode(review.uid)), media_type="application/json")

        return answer

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("ok")

    app = Starlette(
        routes=[
            route("POST", "/mutate", handler(gate.mutate)),
            route("POST", "/validate", handler(gate.validate)),
            Route("/healthz", healthy, methods=["GET"]),
        ],
        exception_handlers={404: no_such_path, 405: wrong_method},
        lifespan=lifespan,
    )
    app.add_middleware(FixedHeaders, more={})
    return app


def serve(
    gate: Gate, certificate: OwnCertificate | FileCertificate, *, listener: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called when the API server would find us trustworthy.

    Raises:
        Rejected: the API server does not let us publish the certificate.
        Unavailable: it does not answer.
    """
    certificate.renew()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        renewal = asyncio.create_task(_renew_for_ever(certificate))
        ready()
        yield
        renewal.cancel()

    serve_application(build_app(gate, lifespan=lifespan), listener=listener, tls=certificate.context)


async def _renew_for_ever(certificate: OwnCertificate | FileCertificate) -> None:
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        try:
            if await asyncio.to_thread(certificate.renew):
                _log.info("a new certificate is in use")
        except CaissonError as error:
            _log.warning("the certificate is not renewed: %s", error.message)
