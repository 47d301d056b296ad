"""Recipes edited in place: what was asked for changes, and nothing else."""

import pytest

from caisson import catalog
from caisson.conversion import Recipe
from caisson.errors import UsageError

WITH_IMAGE = [name for name in catalog.names() if catalog.load(name).recipe.source.image is not None]
DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize("name", WITH_IMAGE)
def test_pinning_changes_one_line(name):
    entry = catalog.load(name)
    reference = f"{catalog.upstream_reference(entry.raw)}@{DIGEST}"
    before, after = entry.raw.decode().splitlines(), catalog.pinned(entry.raw, reference).decode().splitlines()
    assert [line for line in after if line not in before] == [f'reference = "{reference}"']
    assert len(before) == len(after)
    assert catalog.pinned(catalog.pinned(entry.raw, "other"), reference) == catalog.pinned(entry.raw, reference)


@pytest.mark.parametrize("name", WITH_IMAGE)
def test_a_recipe_for_the_upstream_image_only_says_what_the_whole_one_says_of_it(name):
    entry = catalog.load(name)
    raw = catalog.upstream_only(entry.raw)
    assert Recipe.parse(raw, folder=entry.folder) == entry.recipe.taken_from(upstream=True)
    comments = [line for line in raw.decode().splitlines() if line.startswith("#")]
    assert len(comments) == len(set(comments))
    assert set(comments) <= set(entry.raw.decode().splitlines())


@pytest.mark.parametrize(
    "change", [catalog.upstream_reference, catalog.upstream_only, lambda raw: catalog.pinned(raw, "x")]
)
def test_a_recipe_without_an_upstream_image_is_left_alone(change):
    with pytest.raises(UsageError, match="no upstream image"):
        change(catalog.load("c").raw)
