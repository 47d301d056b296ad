"""The documentation says what the program does."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
specification = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
generate = importlib.util.module_from_spec(specification)
specification.loader.exec_module(generate)


@pytest.mark.parametrize("page", generate.pages(), ids=lambda path: path.name)
def test_generated_pages_are_current(page):
    """Run `python docs/generate.py` if this fails."""
    assert page.read_text() == generate.pages()[page]


def test_every_page_is_in_the_navigation():
    navigation = (DOCS.parent / "mkdocs.yml").read_text()
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.parent.name != "adr"]
    assert pages
    assert [page for page in pages if page not in navigation] == []
