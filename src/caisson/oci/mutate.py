"""Changes to images. Each gives a new image; the old one stays as it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caisson.oci.changes import read_changes
from caisson.oci.config import RunConfig
from caisson.oci.image import Image
from caisson.oci.layer import Layer


def append(image: Image, layer: Layer, *, created_by: str) -> Image:
    """Put a layer on top. Nothing says when: the same input gives the same image.

    Raises:
        ImageRejected: the layer could be understood in two ways, or its archive is not one.
    """
    read_changes(layer)
    config = replace(image.config, history=_history(image, {"created_by": created_by}))
    return Image.build(config, (*image.layers, layer))


def without_top(image: Image) -> Image:
    """Take the topmost layer off, and what the history tells of it: what `append` gives, undone."""
    history = image.config.history
    shorter = history[:-1] if history and not history[-1].get("empty_layer") else ()
    return Image.build(replace(image.config, history=shorter), image.layers[:-1])


def configure(image: Image, run: RunConfig) -> Image:
    """Replace how the image is started."""
    return Image.build(replace(image.config, run=run), image.layers)


def _history(image: Image, entry: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Add an entry to a history that has one for each layer; another one would no longer fit, and is dropped."""
    history = image.config.history
    described = sum(1 for each in history if not each.get("empty_layer"))
    return (*history, entry) if described == len(image.layers) else ()
