"""Comparing evidence with lists of things that are acceptable: one entry must fit whole, two are never mixed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

# Reasons that are about what verdicts warn of, too: who tells both says it once.
DEBUG_ENCLAVE = "enclave is a debug enclave: its memory is open to whoever runs it"
DEBUG_DOMAIN = "trust domain is under debug: its memory is open to the host"
DEBUG_GUEST = "guest may be debugged: its memory is open to the host"
DEBUG = frozenset({DEBUG_ENCLAVE, DEBUG_DOMAIN, DEBUG_GUEST})
NO_REVOCATION_LIST = "no revocation list was looked at"

_T = TypeVar("_T")


def none_fits(
    rules: Sequence[_T], differences: Callable[[_T], Iterable[str]], *, noun: str, name: str
) -> Iterator[str]:
    """Say why no rule fits, if none does: how each of them differs."""
    if not rules:
        yield f"no {noun} is accepted: `{name}` is empty"
        return
    each = [tuple(differences(rule)) for rule in rules]
    if all(each):
        yield f"{noun} is none of those accepted: " + "; or ".join(", ".join(those) for those in dict.fromkeys(each))


def too_old(what: str, issued: datetime, *, at: datetime, days: int | None) -> Iterator[str]:
    """Say it if something that was issued has more than so many days; `None` asks for no age."""
    if days is not None and at - issued > timedelta(days=days):
        yield f"{what} was issued at {issued.isoformat()}, more than {days} days before"


def unequal(pairs: Iterable[tuple[str, object, object | None]]) -> Iterator[str]:
    """Compare what was found with what is expected: name, found, expected. `None` expects nothing."""
    for name, found, expected in pairs:
        if expected is not None and expected != found:
            yield f"{name} is {found}, not {expected}"
