"""A container that stands beside another one, for which it is there."""

from dataclasses import dataclass

BESIDE_LABEL = "org.caisson.beside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """`of` is the other container's name; `alias` is what it calls this one on the network of both."""

    of: str
    alias: str


def network_of(container: str) -> str:
    """Give the name of the network on which a container and its companions are, and nobody else."""
    return f"caisson-{container}"
