"""Recipes in files, which errors name."""

from pathlib import Path

from caisson.cli.files import named, read_bytes
from caisson.conversion import Recipe


def read_recipe(path: Path) -> Recipe:
    """Read a recipe, with the files beside it.

    Raises:
        UsageError: it cannot be read.
        Malformed: not a recipe.
    """
    with named(path, hint="docs/reference/recipe.md says how a recipe is written"):
        return Recipe.parse(read_bytes(path), folder=path.parent)
