"""Who asks."""

from starlette.requests import Request

from caisson.errors import TokenRejected
from caisson.keyserver.secret import Secret


def bearer_token(request: Request) -> Secret:
    """Give the token that a request carries.

    Raises:
        TokenRejected: it carries none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenRejected("the request carries no token", hint="send `Authorization: Bearer TOKEN`")
    return Secret(token.encode("latin-1"))
