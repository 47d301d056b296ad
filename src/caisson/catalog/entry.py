"""Finding entries in the package's own data."""

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from caisson.conversion.recipe import Recipe
from caisson.errors import UsageError

RECIPE = "caisson.toml"
_PAGE = "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An application: its recipe, as the file `raw` has it, its page for people (Markdown), and the folder of both."""

    recipe: Recipe
    raw: bytes
    page: str
    folder: Traversable

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
    if name not in names():
        raise UsageError(f"the catalog has no `{name}`", hint=f"it has: {', '.join(names())}")
    folder = files(__package__).joinpath(name)
    raw = folder.joinpath(RECIPE).read_bytes()
    return Entry(
        recipe=Recipe.parse(raw, folder=folder),
        raw=raw,
        page=folder.joinpath(_PAGE).read_text(),
        folder=folder,
    )
