"""The applications that are ready: a folder each, with a recipe and a page, and no code."""

from caisson.catalog.entry import RECIPE, Entry, load, names

__all__ = ["RECIPE", "Entry", "load", "names"]
