"""A page that counts its visitors in Redis, over TLS: both have certificates of the same key server."""

from pathlib import Path

import redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

DATABASE = redis.Redis(
    host="redis",
    port=6379,
    password=Path("/run/caisson/secrets/redis-password").read_text(),
    ssl=True,
    ssl_ca_certs="/run/caisson/tls/certificate.pem",  # the chain ends in the key server's authority
    ssl_check_hostname=True,
)


def healthz(_request: Request) -> PlainTextResponse:
    """Say that it answers."""
    return PlainTextResponse("ok\n")


def visit(_request: Request) -> PlainTextResponse:
    """Count."""
    return PlainTextResponse(f"visitor {DATABASE.incr('visits')}\n")


app = Starlette(routes=[Route("/healthz", healthz), Route("/", visit)])
