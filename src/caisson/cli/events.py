"""`caisson events`: what happens to confidential containers, and what the key server has to say."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import click

from caisson.cli.connection import Connection, connection_options, moment
from caisson.cli.moment import since_option
from caisson.cli.output import JSON_VERSION, printable, say
from caisson.conversion import TMPFS_LABEL
from caisson.engine import Docker, EngineEvent
from caisson.keyserver import AuditRecord, KeyServerClient, verify_chain
from caisson.lifecycle import Happening, in_order

_STEP = 1.0  # seconds for which the engine is asked at a time
_OVERLAP = 2.0  # an event may become known a moment after its time
_SHORT = 12


@click.command()
@since_option
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens from now on.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of versioned JSON for each.")
@connection_options
def command(*, since: datetime | None, follow: bool, as_json: bool, connection: Connection) -> None:
    """Tell by time what happened to confidential containers: the engine's events and the key server's activations.

    The engine remembers only its last events, and its word is no evidence; the audit log is checked up to where it is
    read. A key server tells of all its guests, whatever machine they are on.

    \b
    Example:
      caisson events --since 1h --follow
    """
    begin = 0.0 if since is None else since.timestamp()
    with Docker() as docker:
        if connection.known:
            with connection.client() as client:
                _tell(docker, client, begin, follow=follow, as_json=as_json)
        else:
            say("no key server was named, and none runs here: the engine alone tells")
            _tell(docker, None, begin, follow=follow, as_json=as_json)


def _tell(docker: Docker, client: KeyServerClient | None, begin: float, *, follow: bool, as_json: bool) -> None:
    engine, log = _Engine(docker), _Log(client)
    until = time.time()
    events = engine.between(begin, until)
    records = [record for record in log.further() if record.time >= int(begin)]
    while True:
        for happening in in_order(events, records):
            click.echo(_line(happening) if as_json else printable(_human(happening)))
        if not follow:
            return
        begin, until = until - _OVERLAP, time.time() + _STEP
        events, records = engine.between(begin, until), list(log.further())


class _Engine:
    """The engine's events, each once, though times are asked for that overlap."""

    def __init__(self, docker: Docker) -> None:
        self._docker = docker
        self._seen: frozenset[EngineEvent] = frozenset()

    def between(self, since: float, until: float) -> list[EngineEvent]:
        found = self._docker.events(label=TMPFS_LABEL, since=since, until=until)
        new = [event for event in found if event not in self._seen]
        self._seen = frozenset(found)
        return new


class _Log:
    """The key server's audit log, checked from its beginning and on from there; without a server there is none."""

    def __init__(self, client: KeyServerClient | None) -> None:
        self._client = client
        self._last: AuditRecord | None = None

    def further(self) -> Iterator[AuditRecord]:
        if self._client is None:
            return
        after = -1 if self._last is None else self._last.sequence
        for record in verify_chain(self._client.audit_lines(after=after), after=self._last):
            self._last = record
            yield record


def _line(happening: Happening) -> str:
    about = "container" if happening.source == "engine" else "workload"
    return json.dumps(
        {
            "version": JSON_VERSION,
            "time": happening.moment.isoformat(),
            "source": happening.source,
            "event": happening.what,
            about: happening.about,
            **{name: value for name, value in happening.details.items() if name != about and value is not None},
        }
    )


def _human(happening: Happening) -> str:
    details = happening.details
    facts = [f"{name} {tell(details[key])}" for name, key, tell in _TOLD if details.get(key) is not None]
    when = happening.moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{when}  {happening.source:<10}  {happening.what:<24}  {happening.about}  {', '.join(facts)}".rstrip()


def _short(digest: object) -> str:
    return str(digest)[:_SHORT]


_TOLD: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("exit code", "exit_code", str),
    ("MRENCLAVE", "mrenclave", _short),
    ("policy", "policy_sha256", _short),
    ("certificate until", "certificate_expires", moment),
    ("because", "reason", str),
)
