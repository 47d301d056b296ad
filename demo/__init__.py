"""The main job as a story: Redis becomes a confidential container, and eight attacks fail. `make demo` tells it."""

from pathlib import Path

CACHE = Path(__file__).parent.parent / "build" / "demo" / "cache"
