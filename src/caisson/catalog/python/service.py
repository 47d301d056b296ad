"""A service in Python.

GET /healthz answers `ok`; POST /seal answers the HMAC-SHA256 of the body, in hex, under the key in $SERVICE_KEY_FILE.
A request has at most 64 KiB.
"""

import hmac
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

MOST_BODY = 64 * 1024
KEY = Path(os.environ["SERVICE_KEY_FILE"]).read_bytes()


async def healthz(_request: Request) -> PlainTextResponse:
    """Say that it answers."""
    return PlainTextResponse("ok\n")


async def seal(request: Request) -> PlainTextResponse:
    """Seal the body."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            return PlainTextResponse("at most 65536 bytes are taken\n", status_code=413)
    return PlainTextResponse(hmac.digest(KEY, body, "sha256").hex() + "\n")


app = Starlette(routes=[Route("/healthz", healthz), Route("/seal", seal, methods=["POST"])])
