"""Images that the tester supplies for entries, in `CAISSON_IMAGE_NAME`: what the registries here do not have."""

import os

from caisson import catalog


def source(name: str) -> str | None:
    """Give the image that the tester supplies for an entry, or None."""
    return os.environ.get(f"CAISSON_IMAGE_{name.upper().replace('-', '_')}")


def can_be_had(name: str) -> bool:
    """Tell whether an entry can run here."""
    return source(name) is not None or catalog.load(name).recipe.source.debian is not None
