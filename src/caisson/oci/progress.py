"""How far a transfer is: an interface for whoever wants to show it."""

from typing import Protocol


class Bar(Protocol):
    """One transfer under way. It is told from several threads."""

    def advance(self, count: int) -> None:
        """So many more bytes are over."""

    def end(self, outcome: str) -> None:
        """The transfer is over: `done`, `mounted` (the registry had it elsewhere), `exists` or `failed`."""


class Progress(Protocol):
    """Where transfers report. It is told from several threads."""

    def begin(self, what: str, size: int) -> Bar:
        """A transfer of `size` bytes begins."""


class Silent:
    """Shows nothing."""

    def begin(self, what: str, size: int) -> "Silent":  # noqa: ARG002 - the interface's
        """See `Progress`."""
        return self

    def advance(self, count: int) -> None:
        """See `Bar`."""

    def end(self, outcome: str) -> None:
        """See `Bar`."""


SILENT = Silent()
