"""Connections on which nothing happens end, so that they keep nobody out."""

import asyncio
from selectors import DefaultSelector

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from caisson.web.connection import Connection

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
ANSWERED_EARLY = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


class _Idle(DefaultSelector):
    """Waits for nothing: where nobody has said anything, the time is over at once."""

    waited = 0.0

    def select(self, timeout=None):
        found = super().select(0 if timeout else timeout)
        if not found and timeout:
            self.waited += timeout
        return found


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still while anybody has something to do, however slow the machine is."""

    def __init__(self):
        self._idle = _Idle()
        super().__init__(self._idle)

    def time(self):
        return self._idle.waited


async def _slow(_request):
    await asyncio.sleep(3 * Connection.MOST_SECONDS)
    return PlainTextResponse("slow")


async def _early(_request):
    return PlainTextResponse("early")


APP = Starlette(routes=[Route("/", _slow), Route("/early", _early, methods=["POST"])])


@pytest.fixture
def talk(tmp_path):
    """Give what a server answers to what a talker says, until the connection ends, in order or not."""

    async def talk(say):
        state = ServerState()
        config = uvicorn.Config(APP, http=Connection, log_config=None, timeout_keep_alive=60)
        config.load()
        path = str(tmp_path / "socket")
        server = await asyncio.get_running_loop().create_unix_server(lambda: Connection(config, state, {}), path)
        async with server:
            reader, writer = await asyncio.open_unix_connection(path)
            talking, answer = asyncio.create_task(say(writer)), b""
            try:
                while piece := await asyncio.wait_for(reader.read(4096), 60):
                    answer += piece
            except ConnectionError:
                pass
            finally:
                talking.cancel()
                writer.close()
                await asyncio.gather(talking, writer.wait_closed(), return_exceptions=True)
            assert not state.connections
        return answer

    def run(say):
        with asyncio.Runner(loop_factory=_Loop) as runner:
            return runner.run(talk(say))

    return run


def saying(first):
    async def say(writer):
        writer.write(first)

    return say


def trickling(first, drop):
    async def say(writer):
        writer.write(first)
        while True:
            await asyncio.sleep(Connection.MOST_SECONDS / 10)
            writer.write(drop)
            await writer.drain()

    return say


@pytest.mark.parametrize(
    "say",
    [saying(b""), saying(HEAD), trickling(HEAD, b"X: x\r\n")],
    ids=["silence", "half a head", "a head without end"],
)
def test_who_asks_nothing_is_not_waited_for(talk, say):
    assert talk(say) == b""


def test_what_is_left_of_a_body_is_not_waited_for(talk):
    assert talk(trickling(ANSWERED_EARLY, b"x")).endswith(b"early")


def test_an_answer_may_take_longer_than_a_question(talk):
    assert talk(saying(HEAD + b"\r\n")).endswith(b"slow")
