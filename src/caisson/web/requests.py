"""Reading requests within limits."""

import asyncio
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from caisson.errors import Malformed
from caisson.web.answers import BodyTooLarge

_Body = TypeVar("_Body", bound=BaseModel)

MOST_BODY = 1024 * 1024
BODY_SECONDS = 10.0
_REASONS = {"extra_forbidden": "has a member that is not known", "missing": "is missing"}


async def read_body(request: Request, *, most: int = MOST_BODY, seconds: float = BODY_SECONDS) -> bytes:
    """Read a body, and stop reading where it is too large or too slow.

    Raises:
        BodyTooLarge: more than `most` bytes.
        Malformed: it did not arrive completely within `seconds`.
    """
    too_large = BodyTooLarge(f"the body is over the limit of {most} bytes")
    # The HTTP parser admits digits only, at most 20 of them.
    if int(request.headers.get("content-length", "0")) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large
    except (TimeoutError, ClientDisconnect) as cause:
        raise Malformed("the body did not arrive") from cause
    return bytes(body)


def parse_body(raw: bytes, kind: type[_Body]) -> _Body:
    """Read a JSON body.

    Raises:
        Malformed: not such a body; says where and why, never what was given.
    """
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise Malformed(f"body: {describe(error)}") from None


def describe(error: ValidationError) -> str:
    """Say what is wrong with a document: place and reason of each fault, never what was given."""
    faults = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        unknown = fault["type"] == "extra_forbidden"
        # The last step to an unknown member is its name, which the sender chose: it may be a misplaced secret.
        place = ".".join(str(step) for step in (fault["loc"][:-1] if unknown else fault["loc"]))
        reason = _REASONS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
        faults.append(f"{place} {reason}".strip().rstrip("."))
    return "; ".join(faults)
