"""The command line: one file per command, and the only place that prints, colours or exits."""

from caisson.cli.app import main

__all__ = ["main"]
