"""The applications that are ready: a folder each, with a recipe, a page and promises, and no code."""

from caisson.catalog.conformance import Conformance, Step
from caisson.catalog.entry import RECIPE, Entry, load, names
from caisson.catalog.review import CHECKS, Check, review

__all__ = ["CHECKS", "RECIPE", "Check", "Conformance", "Entry", "Step", "load", "names", "review"]
