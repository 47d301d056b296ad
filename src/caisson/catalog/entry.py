"""Finding entries in the package's own data."""

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

from caisson.catalog.conformance import Conformance
from caisson.conversion.recipe import Recipe
from caisson.errors import UsageError

RECIPE = "caisson.toml"
_PAGE = "README.md"
_CONFORMANCE = "conformance.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An application: its recipe, as the file `raw` has it, its page for people (Markdown), and the folder of both."""

    name: str
    recipe: Recipe
    raw: bytes
    page: str
    folder: Traversable

    @classmethod
    def read(cls, name: str, folder: Traversable) -> Self:
        """Read the entry that a folder holds.

        Raises:
            UsageError: a file is missing, or no text.
            Malformed: the recipe is none.
        """
        try:
            raw, page = folder.joinpath(RECIPE).read_bytes(), folder.joinpath(_PAGE).read_text()
        except (OSError, UnicodeDecodeError) as cause:
            raise UsageError(
                f"`{name}` is no entry of a catalog: {cause}", hint=f"an entry has `{RECIPE}` and `{_PAGE}`"
            ) from cause
        return cls(name=name, recipe=Recipe.parse(raw, folder=folder), raw=raw, page=page, folder=folder)

    def variants(self) -> tuple[Recipe, ...]:
        """Give the recipe for each of its sources: one, or two where it names packages and an upstream image."""
        own = self.recipe.taken_from(upstream=False)
        if self.recipe.source.image is None or self.recipe.source.debian is None:
            return (own,)
        return own, self.recipe.taken_from(upstream=True)

    def conformance(self) -> Conformance:
        """Read what the entry promises.

        Raises:
            UsageError: it promises nothing.
            Malformed: what it promises cannot be read.
        """
        try:
            raw = self.folder.joinpath(_CONFORMANCE).read_bytes()
        except OSError as cause:
            raise UsageError(f"`{self.name}` has no `{_CONFORMANCE}`", hint="see CONTRIBUTING.md") from cause
        return Conformance.parse(raw, other=lambda name: _folder(name).joinpath(_CONFORMANCE).read_bytes())

    def files(self) -> tuple[Traversable, ...]:
        """Give the files of the folder, sorted by name: recipe, page, configurations, sources and conformance."""
        return tuple(sorted((item for item in self.folder.iterdir() if item.is_file()), key=lambda item: item.name))


def names() -> tuple[str, ...]:
    """Give the names of all entries, sorted."""
    return tuple(sorted(item.name for item in files(__package__).iterdir() if item.joinpath(RECIPE).is_file()))


def load(name: str) -> Entry:
    """Read an entry.

    Raises:
        UsageError: there is no such entry.
    """
    return Entry.read(name, _folder(name))


def recipe_file(name: str) -> Path:
    """Give the file of an entry's recipe, where the package's data are files.

    Raises:
        UsageError: there is no such entry, or the package lies in an archive.
    """
    file = _folder(name).joinpath(RECIPE)
    if not isinstance(file, Path):
        raise UsageError(f"the recipe of `{name}` is no file of its own", hint="copy it: `caisson catalog init`")
    return file


def _folder(name: str) -> Traversable:
    if name not in names():
        raise UsageError(f"the catalog has no `{name}`", hint=f"it has: {', '.join(names())}")
    return files(__package__).joinpath(name)
