"""The loop: change an input that is known, run the target, keep what reaches new lines of Caisson."""

import random
import sys
import time
import traceback
from dataclasses import dataclass, field

import caisson
from tests.fuzz.target import load, seeds, survives

ROOT = caisson.__path__[0]
MOST_BYTES = 1 << 16
MOST_CRASHES = 10
INTERESTING = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\0\0\0\0",
    b"\xff" * 4,
    b"\xff" * 8,
    b"\0" * 16,
    b"{",
    b"}",
    b"[",
    b'"',
]


@dataclass
class Result:
    """What a run of a target gave."""

    runs: int = 0
    lines: int = 0
    corpus: list = field(default_factory=list)
    crashes: list = field(default_factory=list)


def fuzz(name, *, seconds, seed):
    """Fuzz a target for some seconds; its seeds are tried first, always."""
    target, chance, result = load(name), random.Random(seed), Result(corpus=list(seeds(name)) or [b""])
    reached, causes = set(), set()
    end = time.monotonic() + seconds
    waiting = list(result.corpus)
    while waiting or time.monotonic() < end:
        raw = waiting.pop() if waiting else mutate(chance, result.corpus)
        lines, error = observed(target.check, raw)
        result.runs += 1
        if error is not None and error not in causes and len(result.crashes) < MOST_CRASHES:
            causes.add(error)
            result.crashes.append((raw, error))
        if not lines <= reached:
            reached |= lines
            if raw not in result.corpus:
                result.corpus.append(raw)
    result.lines = len(reached)
    return result


def observed(check, raw):
    """Run a target once; give the lines of Caisson that it reached, and the trace of a failure."""
    lines = set()

    def trace(frame, event, _argument):
        if not frame.f_code.co_filename.startswith(ROOT):
            return None
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        survives(check, raw)
    except Exception:  # noqa: BLE001 - finding these is what this is for
        return lines, traceback.format_exc(limit=-6)
    finally:
        sys.settrace(before)
    return lines, None


def mutate(chance, corpus):
    """Change an input in one to four ways."""
    raw = bytearray(chance.choice(corpus))
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(raw))
        length = min(chance.choice([1, 2, 4, 8, 16, 64, 4096]), len(raw) - at)
        match chance.randrange(7):
            case 0 if raw:
                raw[at % len(raw)] ^= 1 << chance.randrange(8)
            case 1:
                raw[at : at + length] = chance.randbytes(length)
            case 2:
                del raw[at : at + length]
            case 3:
                raw[at:at] = raw[at : at + length]
            case 4:
                piece = chance.choice(INTERESTING)
                raw[at : at + len(piece)] = piece
            case 5:
                other = chance.choice(corpus)
                start = chance.randint(0, len(other))
                raw[at:at] = other[start : start + chance.choice([4, 16, 256])]
            case _:
                words = bytes(raw).split()
                raw[at:at] = chance.choice(words)[:200] if words else b"0"
    return bytes(raw[:MOST_BYTES])
