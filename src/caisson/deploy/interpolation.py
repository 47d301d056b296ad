"""Compose's and Swarm's files put variables in place of `$`: what is meant literally must say so."""

from typing import Any


def literal(value: Any) -> Any:
    """Give a value, and all strings in it, with each `$` doubled (Compose specification, "Interpolation")."""
    match value:
        case str():
            return value.replace("$", "$$")
        case dict():
            return {name: literal(item) for name, item in value.items()}
        case list():
            return [literal(item) for item in value]
        case _:
            return value


def ask_for_group(variable: str, device: str) -> str:
    """Give a variable in place of a device's group, without which Compose refuses to start: only the host knows it."""
    return f"${{{variable}:?set it to what `stat -L -c %g {device}` prints}}"
