"""Bars for transfers, on a terminal only."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from caisson.cli.output import console

_SHOWN_DIGITS = 12


class Bars:
    """Shows transfers on stderr while they last; each that is over leaves no line behind.

    The lines appear with the first transfer, so that commands without any show nothing.
    """

    def __init__(self) -> None:
        self._shown = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.stop()

    def begin(self, what: str, size: int) -> "_Bar":
        """See `oci.Progress`."""
        self._shown.start()
        name = what.rpartition(":")[2][:_SHOWN_DIGITS]
        return _Bar(self._shown, self._shown.add_task(name, total=size))


class _Bar:
    def __init__(self, shown: Progress, task: TaskID) -> None:
        self._shown = shown
        self._task = task

    def advance(self, count: int) -> None:
        """See `oci.Bar`."""
        self._shown.advance(self._task, count)

    def end(self, outcome: str) -> None:  # noqa: ARG002 - the interface's
        """See `oci.Bar`."""
        self._shown.remove_task(self._task)
