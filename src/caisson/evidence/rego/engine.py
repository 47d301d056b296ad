"""A Rego engine in a process of its own: no environment, limits on time and memory, and no yes by accident."""

import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any, Protocol, Self, cast

from caisson.errors import Unavailable, UsageError

WORKER = ("-m", "caisson.evidence.rego.worker")
_READY = b'{"ready": true}\n'
# What a pipe takes without waiting for the reader: a worker that does not read cannot hold us up.
_MOST_QUESTION = 60 * 1024
_MOST_ANSWER = 64 * 1024


class PolicyEngine(Protocol):
    """Answers whether a policy allows an input. Only a plain `true` is a yes."""

    def allows(self, policy: str, claims: dict[str, Any]) -> bool:
        """Evaluate `data.caisson.allow` of a Rego module with `claims` as input.

        Raises:
            Unavailable: the engine ended, or did not answer in time.
        """


class WorkerEngine:
    """An engine in a worker, which is started anew after it was stopped. One question at a time.

    `worker` is what Python runs in it; `seconds` is the time for one question, `megabytes` the worker's memory.
    """

    def __init__(
        self,
        *,
        worker: tuple[str, ...] = WORKER,
        seconds: float = 1.0,
        megabytes: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = [sys.executable, "-I", *worker, str(megabytes)]
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def allows(self, policy: str, claims: dict[str, Any]) -> bool:
        """Evaluate `data.caisson.allow` of a Rego module with `claims` as input.

        Raises:
            Unavailable: the engine ended, or did not answer in time.
            UsageError: policy and input are larger than a question can be.
        """
        question = json.dumps({"policy": policy, "input": claims}).encode() + b"\n"
        if len(question) > _MOST_QUESTION:
            raise UsageError(f"policy and input have {len(question)} bytes, more than {_MOST_QUESTION}")
        with self._lock:
            try:
                answer = self._ask(question)
            except BaseException:
                # Whatever it may still say would be taken for the answer to the next question.
                self.close()
                raise
        # To Python, 1 equals true.
        return isinstance(answer, dict) and set(answer) == {"allow"} and answer["allow"] is True

    def _ask(self, question: bytes) -> object:
        stdin, stdout = self._pipes()
        deadline = self._clock() + self._seconds
        try:
            stdin.write(question)
        except OSError as cause:
            raise Unavailable(f"the Rego engine ended: {cause}") from cause
        answer = b""
        while not answer.endswith(b"\n"):
            left = deadline - self._clock()
            if left <= 0 or not select.select([stdout], [], [], left)[0]:
                raise Unavailable(f"the Rego policy took longer than {self._seconds:g} seconds")
            piece = stdout.read(_MOST_ANSWER)
            answer += piece
            if not piece or len(answer) > _MOST_ANSWER:
                raise Unavailable("the Rego engine ended, or talks without end")
        try:
            return json.loads(answer)
        except ValueError as cause:
            raise Unavailable("the Rego engine talks nonsense") from cause

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """Give the pipes of a running worker, without buffers: a read gives what is there."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(  # noqa: S603 - our own worker, by this interpreter
                self._command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
            )
            # Loading the engine does not count against a policy's time.
            if cast(IO[bytes], self._process.stdout).readline() != _READY:
                raise Unavailable("the Rego engine does not start", hint="install it: `pip install 'caisson[rego]'`")
        return cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)

    def close(self) -> None:
        """Stop the worker."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
