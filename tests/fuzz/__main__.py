"""Fuzzing: `python -m tests.fuzz --seconds 60 [TARGET…]`, or `make fuzz` for an hour in total.

Each file of `targets/` is a target: `check(raw)` reads bytes, and may end with an error of our tree and with nothing
else. Inputs that reach new lines are kept as long as it runs; `--keep` adds them to the seeds. What makes a target fail
is written to `crashes/`, is made into a seed when it is repaired, and then is tried by every `make test`.
"""

import argparse
import hashlib
import sys
from pathlib import Path

from tests.fuzz.loop import fuzz
from tests.fuzz.target import SEEDS, names, seeds

CRASHES = Path(__file__).parent / "crashes"


def main():
    parser = argparse.ArgumentParser(description="Fuzz the parsers of untrusted bytes.")
    parser.add_argument("targets", nargs="*", default=names(), help="which; all without")
    parser.add_argument("--seconds", type=float, default=60, help="how long, all together")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    parser.add_argument("--keep", action="store_true", help="add inputs that reach new lines to the seeds")
    chosen = parser.parse_args()
    failed = 0
    for name in chosen.targets:
        known = set(seeds(name))
        result = fuzz(name, seconds=chosen.seconds / len(chosen.targets), seed=chosen.seed)
        print(f"{name}: {result.runs} inputs, {result.lines} lines reached, {len(result.crashes)} failures", flush=True)
        for raw, trace in result.crashes:
            CRASHES.mkdir(exist_ok=True)
            path = CRASHES / f"{name}-{hashlib.sha256(raw).hexdigest()[:16]}"
            path.write_bytes(raw)
            print(f"{path}:\n{trace}", file=sys.stderr)
        failed += len(result.crashes)
        for raw in set(result.corpus) - known if chosen.keep else ():
            (SEEDS / name).mkdir(exist_ok=True)
            (SEEDS / name / hashlib.sha256(raw).hexdigest()[:16]).write_bytes(raw)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
