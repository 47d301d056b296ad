"""The worker: one line of JSON in, one line out, until its input ends. It is started by `WorkerEngine`.

`{"policy": TEXT, "input": OBJECT}` is answered with `{"allow": VALUE}`, where `VALUE` is whatever `data.caisson.allow`
is and only `true` means yes, or with `{"error": TEXT}`.
"""

import importlib
import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

Evaluate = Callable[[str, dict[str, Any]], Any]

_MEGABYTE = 1 << 20
_MOST_FILES = 64
_QUERY = "data.caisson.allow"


def main(load: Callable[[], Evaluate], megabytes: int) -> None:
    """Answer questions until there are no more, with the function that `load` gives for a policy and an input."""
    # The engine may print what it likes, but not into the answers.
    with os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        os.dup2(2, 1)
        evaluate = load()
        # Python itself sets a variable, and `opa.runtime()` shows all there are.
        os.environ.clear()
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * _MEGABYTE,) * 2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_FILES,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        answers.write(_line({"ready": True}))
        for question in sys.stdin.buffer:
            answers.write(reply(question, evaluate))


def reply(question: bytes, evaluate: Evaluate) -> bytes:
    """Answer one line."""
    asked = json.loads(question)
    try:
        return _line({"allow": evaluate(asked["policy"], asked["input"])})
    except Exception as error:  # noqa: BLE001 - whatever an engine raises is a no
        return _line({"error": type(error).__name__})


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def load_regopy() -> Evaluate:
    """Microsoft's rego-cpp. One interpreter for each question: nothing of one policy is left for the next."""
    regopy = importlib.import_module("regopy")

    def evaluate(policy: str, claims: dict[str, Any]) -> Any:
        interpreter = regopy.Interpreter()
        interpreter.add_module("policy", policy)
        interpreter.set_input(claims)
        output = interpreter.query(_QUERY)
        # Some errors come back as results: then the output is not ok, or not one plain value.
        results = output.results if output.ok() else []
        if len(results) != 1 or len(results[0].expressions) != 1:
            return None
        value = results[0].expressions[0]
        return value if isinstance(value, bool) else None

    return evaluate


if __name__ == "__main__":
    main(load_regopy, int(sys.argv[1]))
