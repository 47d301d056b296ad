"""One HTTP request of a service: its body within limits, the work in a thread, every error an answer."""

from caisson.web.answers import VERSION, BodyTooLarge, answer, error_answer, refusal_answer
from caisson.web.clients import Network
from caisson.web.endpoints import Call, no_such_path, route, wrong_method
from caisson.web.headers import FixedHeaders
from caisson.web.requests import describe, parse_body, read_body
from caisson.web.serving import serve_application

__all__ = [
    "VERSION",
    "BodyTooLarge",
    "Call",
    "FixedHeaders",
    "Network",
    "answer",
    "describe",
    "error_answer",
    "no_such_path",
    "parse_body",
    "read_body",
    "refusal_answer",
    "route",
    "serve_application",
    "wrong_method",
]
