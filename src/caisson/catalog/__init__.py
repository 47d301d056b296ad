"""The applications that are ready: a folder each, with a recipe, a page and promises, and no code."""

from caisson.catalog.conformance import Conformance, Load, Step
from caisson.catalog.edit import pinned, upstream_only, upstream_reference
from caisson.catalog.entry import RECIPE, Entry, load, names, recipe_file
from caisson.catalog.review import CHECKS, Check, review

__all__ = [
    "CHECKS",
    "RECIPE",
    "Check",
    "Conformance",
    "Entry",
    "Load",
    "Step",
    "load",
    "names",
    "pinned",
    "recipe_file",
    "review",
    "upstream_only",
    "upstream_reference",
]
