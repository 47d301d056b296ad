"""Errors as HTTP answers: one table, in which the protocol's codes and the operators' stand together."""

import logging
from typing import Any

from starlette.responses import Response

from caisson.errors import (
    CaissonError,
    EvidenceRejected,
    Malformed,
    NonceRejected,
    PolicyRejected,
    Rejected,
    SealBroken,
    SignatureRejected,
    TokenRejected,
    TooMany,
    Unavailable,
    Unknown,
    UsageError,
)
from caisson.protocol import canonical

VERSION = 1
_log = logging.getLogger(__name__)

# The first class that fits decides; the last three are the families, so that one always does.
_STATUS: tuple[tuple[type[CaissonError], int, str], ...] = (
    (Malformed, 400, "malformed"),
    (TokenRejected, 401, "token-rejected"),
    (NonceRejected, 403, "nonce-rejected"),
    (PolicyRejected, 403, "policy-rejected"),
    (EvidenceRejected, 403, "evidence-rejected"),
    (SignatureRejected, 403, "evidence-rejected"),
    (Unknown, 404, "unknown"),
    (TooMany, 429, "too-many"),
    (UsageError, 400, "usage"),
    (Unavailable, 503, "unavailable"),
    (Rejected, 403, "rejected"),
)


class BodyTooLarge(Malformed):
    """A request body over the limit."""


def answer(content: dict[str, Any], status: int = 200) -> Response:
    """Give a versioned answer, in the one form of JSON that guests read."""
    body = canonical.encode({"version": VERSION, **content})
    return Response(body, status_code=status, media_type="application/json")


def error_answer(status: int, code: str, message: str, hint: str | None = None) -> Response:
    """Give the protocol's form of an error."""
    # A message may name what was sent, and JSON can spell what no text can hold.
    readable = message.encode(errors="backslashreplace").decode()
    return answer({"error": {"code": code, "message": readable, "hint": hint or ""}}, status)


def refusal_answer(error: CaissonError, codes: dict[type[CaissonError], str]) -> Response:
    """Give the answer for an error of the tree; `codes` overrides the code of a class."""
    if isinstance(error, BodyTooLarge):
        return error_answer(413, "too-large", error.message, error.hint)
    if isinstance(error, SealBroken):
        # What is broken is for the log; who asks may be anyone.
        _log.error("the store is damaged: %s", error.message)
        return error_answer(503, "unavailable", "the store is damaged")
    kind, status, code = next(entry for entry in _STATUS if isinstance(error, entry[0]))
    answer = error_answer(status, codes.get(kind, code), error.message, error.hint)
    if isinstance(error, TooMany) and error.after is not None:
        answer.headers["retry-after"] = str(error.after)
    return answer


def bug_answer(error: Exception) -> Response:
    """Give the answer for a bug. The log says where it happened, and not with which values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "nowhere"
    _log.error("bug: %s at %s", type(error).__name__, where)
    return error_answer(500, "bug", "the server has a bug; nothing was released")
