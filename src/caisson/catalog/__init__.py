"""The applications that are ready: a folder each, with a recipe and a page, and no code."""

from caisson.catalog.entry import Entry, load, names

__all__ = ["Entry", "load", "names"]
