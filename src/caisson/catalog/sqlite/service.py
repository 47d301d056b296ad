"""SQLite over HTTP.

POST /v1/transaction, with `Authorization: Bearer TOKEN` and a body like

    {"statements": [{"sql": "INSERT INTO t VALUES (?)", "parameters": ["x"]}, {"sql": "SELECT * FROM t"}]}

carries the statements out in one transaction, all or none, and answers

    {"results": [{"columns": [], "rows": [], "changes": 1}, {"columns": ["a"], "rows": [["x"]], "changes": 0}]}

Blobs are written `{"base64": "…"}`, in both directions. 400: the request or a statement is wrong, and nothing was done;
401: no token, or a wrong one; 413: more than is taken; 503: a statement took too long. GET /healthz answers `ok`.
"""

import binascii
import contextlib
import hmac
import json
import os
import sqlite3
import threading
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

MOST_BODY = 1 << 20
MOST_STATEMENTS = 100
MOST_ROWS = 10_000
PATIENCE = 5.0  # seconds for one transaction
CHECK_EVERY = 10_000  # of SQLite's instructions

TOKEN = Path(os.environ["SERVICE_TOKEN_FILE"]).read_bytes()
# What would reach other files than the one database, or end the transaction from inside.
REFUSED = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT}
READABLE_PRAGMAS = {
    "table_info",
    "table_list",
    "table_xinfo",
    "index_list",
    "index_info",
    "foreign_key_list",
    "integrity_check",
}


class Wrong(Exception):
    """The request, or one of its statements, cannot be carried out; the words are for the client."""


def authorize(action: int, first: str | None, _second: str | None, _database: str | None, _source: str | None) -> int:
    """Tell SQLite what a statement may do."""
    if action in REFUSED or (action == sqlite3.SQLITE_PRAGMA and first not in READABLE_PRAGMAS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


class Database:
    """The one connection, and who may use it now."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._deadline = 0.0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA trusted_schema = OFF")
        self._connection.set_progress_handler(lambda: time.monotonic() > self._deadline, CHECK_EVERY)

    def transaction(self, statements: list[tuple[str, list[Any]]]) -> list[dict[str, Any]]:
        """Carry out all statements or none."""
        with self._lock:
            self._deadline = time.monotonic() + PATIENCE
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.set_authorizer(authorize)
            try:
                results = [self._carry_out(sql, parameters) for sql, parameters in statements]
            except BaseException:
                self._end("ROLLBACK")
                raise
            self._end("COMMIT")
            return results

    def _end(self, how: str) -> None:
        self._connection.set_authorizer(None)
        self._deadline = time.monotonic() + PATIENCE
        try:
            self._connection.execute(how)
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _carry_out(self, sql: str, parameters: list[Any]) -> dict[str, Any]:
        before = self._connection.total_changes
        cursor = self._connection.execute(sql, parameters)
        rows = cursor.fetchmany(MOST_ROWS + 1)
        if len(rows) > MOST_ROWS:
            raise Wrong(f"a statement gives more than {MOST_ROWS} rows")
        return {
            "columns": [column[0] for column in cursor.description or ()],
            "rows": [[encode(value) for value in row] for row in rows],
            "changes": self._connection.total_changes - before,
        }


def encode(value: Any) -> Any:
    """Give a value of SQLite as one of JSON."""
    return {"base64": b64encode(value).decode()} if isinstance(value, bytes) else value


def decode(value: Any) -> Any:
    """Give a value of JSON as one of SQLite."""
    if isinstance(value, dict) and value.keys() == {"base64"} and isinstance(value["base64"], str):
        return b64decode(value["base64"], validate=True)
    if value is None or isinstance(value, str | int | float):
        return value
    raise Wrong("a parameter is neither text, number, null nor a blob")


def read(body: bytes) -> list[tuple[str, list[Any]]]:
    """Read a request's statements."""
    try:
        statements = json.loads(body)["statements"]
        if not 0 < len(statements) <= MOST_STATEMENTS:
            raise Wrong(f"from 1 to {MOST_STATEMENTS} statements are taken")
        return [(one["sql"], [decode(value) for value in one.get("parameters", [])]) for one in statements]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as cause:
        raise Wrong('the body is not like {"statements": [{"sql": "…", "parameters": []}]}') from cause


DATABASE = Database(os.environ["SERVICE_DATABASE"])


def refuse(status: int, words: str) -> Response:
    """Answer with an error."""
    return JSONResponse({"error": words}, status_code=status)


async def transaction(request: Request) -> Response:
    """Carry out a transaction."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind != "Bearer" or not hmac.compare_digest(token.encode(), TOKEN):
        return refuse(401, "a bearer token is needed")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            return refuse(413, f"at most {MOST_BODY} bytes are taken")
    try:
        results = await run_in_threadpool(DATABASE.transaction, read(body))
    except sqlite3.OperationalError as error:
        return refuse(503 if "interrupted" in str(error) else 400, str(error))
    except (Wrong, sqlite3.Error, sqlite3.Warning, OverflowError, TypeError) as error:
        return refuse(400, str(error))
    return JSONResponse({"results": results})


async def healthz(_request: Request) -> Response:
    """Say that it answers."""
    return PlainTextResponse("ok\n")


app = Starlette(routes=[Route("/healthz", healthz), Route("/v1/transaction", transaction, methods=["POST"])])
