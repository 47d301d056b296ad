"""How help is laid out: no line is broken inside of a word, so that options and names can be copied."""

from collections.abc import Iterable

import click

_KEPT = "\N{NON-BREAKING HYPHEN}"


class HelpText(click.HelpFormatter):
    """Lays help out as click does, but breaks no line after a hyphen."""

    def write(self, string: str) -> None:
        """Write a piece that is laid out."""
        super().write(string.replace(_KEPT, "-"))

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        super().write_text(text.replace("-", _KEPT))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms and what they mean."""
        kept = [(term, meaning.replace("-", _KEPT)) for term, meaning in rows]
        super().write_dl(kept, col_max, col_spacing)
