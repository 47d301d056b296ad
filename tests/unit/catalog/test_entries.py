import pytest

from caisson import catalog
from caisson.conversion import recipe_subject
from caisson.enclave.manifest import lint
from caisson.errors import UsageError


@pytest.mark.parametrize("name", catalog.names())
def test_every_entry_is_a_recipe_with_a_page(name):
    entry = catalog.load(name)
    assert entry.recipe.name == name
    assert entry.page.startswith("# ")


@pytest.mark.parametrize("name", catalog.names())
def test_no_entry_is_a_debug_enclave(name):
    assert not catalog.load(name).recipe.enclave.debug


@pytest.mark.parametrize("name", catalog.names())
def test_the_rules_for_manifests_find_nothing_at_any_severity(name):
    for recipe in catalog.load(name).variants():
        assert [f"{each.rule.id}: {each.where}" for each in lint(recipe_subject(recipe))] == []


def test_an_unknown_entry_says_what_there_is():
    with pytest.raises(UsageError) as failure:
        catalog.load("nothing")
    assert "redis" in failure.value.hint
