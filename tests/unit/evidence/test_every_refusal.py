"""Every kind of refusal has its stories: tests that change one thing and expect just this class."""

import ast
from functools import cache
from pathlib import Path

import pytest

from caisson import errors

HERE = Path(__file__).parent
KINDS = [
    name
    for name in errors.__all__
    if issubclass(kind := getattr(errors, name), errors.EvidenceRejected) and not kind.__subclasses__()
]


@cache
def expected():
    """Give the names of classes in tests that expect one, but for imports: in `raises`, or in lists of parameters."""
    names = set()
    for path in HERE.rglob("test_*.py"):
        tree = ast.parse(path.read_text())
        expecting = [node for node in tree.body if not isinstance(node, ast.ImportFrom)]
        names |= {node.id for top in expecting for node in ast.walk(top) if isinstance(node, ast.Name)}
    return names


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_of_refusal_is_expected_by_some_test(name):
    assert name in expected()


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_of_refusal_is_in_the_table_of_steps(name):
    page = (HERE.parents[2] / "docs" / "concepts" / "verification.md").read_text()
    assert f"`{name}`" in page
