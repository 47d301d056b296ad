"""Policies for images in files, which errors name."""

import tomllib
from pathlib import Path

from caisson.cli.files import named, read_bytes
from caisson.errors import UsageError
from caisson.provenance import ImagePolicy


def read_image_policy(path: Path) -> ImagePolicy:
    """Read a policy for images.

    Raises:
        UsageError: it cannot be read, or is a policy for evidence.
        Malformed: not a policy for images.
    """
    raw = read_bytes(path)
    if _is_for_evidence(raw):
        raise UsageError(
            f"`{path}` is a policy for evidence, and an image is none: `caisson attest` asks it of what runs",
            hint="docs/reference/image-policy.md says how a policy for images is written",
        )
    with named(path):
        return ImagePolicy.parse(raw)


def _is_for_evidence(raw: bytes) -> bool:
    try:
        return "tee" in tomllib.loads(raw.decode())
    except (ValueError, RecursionError):
        return False
