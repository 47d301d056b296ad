"""The platform on sockets: threads that accept guests, and let none of them harm another."""

import contextlib
import socket
import stat
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from caisson.addresses import authority
from caisson.errors import Unavailable, UsageError
from caisson.platform.connection import Connection, Limits
from caisson.platform.loader import Loader
from caisson.platform.session import Session
from caisson.platform.software import SoftwarePlatform
from caisson.platform.space import Space
from caisson.platform.wire import bad_request, refusal

_BACKLOG = 128
_CLOSING = 5.0
_PLACE = "choose a short path in a directory that exists and is yours"


class PlatformServer:
    """Offers a platform on any number of Unix and TCP sockets until it is closed."""

    def __init__(self, platform: SoftwarePlatform, loader: Loader, *, limits: Limits | None = None) -> None:
        self._platform = platform
        self._loader = loader
        self._limits = limits or Limits()
        self._space = Space(self._limits.large_requests)
        self._lock = threading.Lock()
        self._listeners: list[socket.socket] = []
        self._streams: dict[socket.socket, threading.Thread] = {}
        self._threads: list[threading.Thread] = []
        self._unix: dict[Path, int] = {}
        self._closed = threading.Event()

    def listen_unix(self, path: Path, *, mode: int = 0o600) -> None:
        """Listen on a Unix socket that `mode` lets others use. A dead server's socket is replaced.

        Raises:
            Unavailable: a living server has this socket.
            UsageError: there cannot be a socket.
        """
        _clear(path)
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(str(path))
            path.chmod(mode)
        except OSError as cause:
            listener.close()
            raise UsageError(
                f"cannot listen on `{path}`: {cause.strerror or cause}",
                hint=_PLACE,
            ) from cause
        self._unix[path] = path.stat().st_ino
        self._listen(listener)

    def listen_tcp(self, host: str, port: int) -> int:
        """Listen on TCP, on port 0 for any free one; give the port.

        Raises:
            Unavailable: the address is not free, or not ours.
        """
        listener = bind_tcp(host, port)
        bound: int = listener.getsockname()[1]
        self._listen(listener)
        return bound

    def close(self) -> None:
        """Stop listening, end all conversations, remove Unix sockets."""
        with self._lock:
            self._closed.set()
            streams = dict(self._streams)
        for end in (*self._listeners, *streams):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in (*self._threads, *streams.values()):
            thread.join(_CLOSING)
        for listener in self._listeners:
            listener.close()
        for path, inode in self._unix.items():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == inode:
                    path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _listen(self, listener: socket.socket) -> None:
        listener.listen(_BACKLOG)
        thread = threading.Thread(target=self._accept, args=(listener,), daemon=True, name="platform-accept")
        self._listeners.append(listener)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while not self._closed.is_set():
            try:
                stream = listener.accept()[0]
            except OSError:
                # Closed by `close`, or the guest left while it waited, or files have run out for a moment.
                self._closed.wait(0.01)
                continue
            if not self._admit(stream):
                with contextlib.suppress(OSError), stream:
                    stream.settimeout(self._limits.pause)
                    stream.send(refusal(bad_request("the platform has no room for another guest")))

    def _admit(self, stream: socket.socket) -> bool:
        thread = threading.Thread(target=self._serve, args=(stream,), daemon=True, name="platform-guest")
        with self._lock:
            if self._closed.is_set() or len(self._streams) >= self._limits.connections:
                return False
            try:
                thread.start()
            except RuntimeError:
                # The system gives no more threads.
                return False
            self._streams[stream] = thread
        return True

    def _serve(self, stream: socket.socket) -> None:
        try:
            session = Session(self._platform, self._loader)
            Connection(stream, session, limits=self._limits, space=self._space).serve()
        finally:
            with self._lock:
                del self._streams[stream]
            stream.close()


def bind_tcp(host: str, port: int) -> socket.socket:
    """Bind a TCP socket, on port 0 to any free one.

    Raises:
        Unavailable: the address is not free, or not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as cause:
        raise Unavailable(
            f"cannot listen on `{authority(host, port)}`: {cause.strerror or cause}",
            hint="is this an address of this machine?",
        ) from cause
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as cause:
        listener.close()
        raise Unavailable(
            f"cannot listen on `{authority(host, port)}`: {cause.strerror or cause}",
            hint="choose another address or port",
        ) from cause
    return listener


def _clear(path: Path) -> None:
    """Remove the socket of a server that is gone."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as cause:
        raise UsageError(f"cannot listen on `{path}`: {cause.strerror}", hint=_PLACE) from cause
    if not stat.S_ISSOCK(mode):
        raise UsageError(f"`{path}` exists and is not a socket", hint="choose another path")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            return
        except OSError as cause:
            raise UsageError(f"cannot use `{path}`: {cause.strerror}", hint=_PLACE) from cause
        else:
            raise Unavailable(f"`{path}` is in use by another platform", hint="stop it, or choose another path")
