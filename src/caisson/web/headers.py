"""Headers that every answer has."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class FixedHeaders:
    """Middleware that puts the same headers on every answer, errors included; `more` are a service's own."""

    def __init__(self, app: ASGIApp, more: dict[str, str]) -> None:
        self._app = app
        self._headers = _ALWAYS | more

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)
