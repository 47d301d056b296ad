"""Finding targets and their seeds."""

import importlib
from pathlib import Path

from caisson.errors import CaissonError

SEEDS = Path(__file__).parent / "seeds"
TARGETS = Path(__file__).parent / "targets"


def names():
    """Give the names of all targets."""
    return sorted(path.stem for path in TARGETS.glob("[a-z]*.py"))


def load(name):
    """Give the module of a target: `check`, and `extra_seeds` where there are more than files can hold."""
    return importlib.import_module(f"tests.fuzz.targets.{name}")


def seeds(name):
    """Give the seeds of a target, small ones first."""
    found = [path.read_bytes() for path in sorted((SEEDS / name).glob("*"))]
    extra = getattr(load(name), "extra_seeds", list)
    return sorted({*found, *extra()}, key=lambda raw: (len(raw), raw))


def survives(check, raw):
    """Run a target; an error of our tree is an answer, everything else comes through."""
    try:
        check(raw)
    except CaissonError:
        return
