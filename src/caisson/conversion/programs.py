"""The programs of our own that run in containers, as this package was built with them."""

from importlib.resources import files

from caisson.errors import Unavailable


def premain() -> bytes:
    """Give the guest agent.

    Raises:
        Unavailable: the package was not built, only copied.
    """
    return _program("premain")


def probe() -> bytes:
    """Give the program by which engines find out whether a container still answers.

    Raises:
        Unavailable: the package was not built, only copied.
    """
    return _program("probe")


def look() -> bytes:
    """Give the program that tells what it sees where it runs; no image takes it along.

    Raises:
        Unavailable: the package was not built, only copied.
    """
    return _program("look")


def _program(name: str) -> bytes:
    try:
        return files("caisson.conversion").joinpath("_bin", name).read_bytes()
    except FileNotFoundError as cause:
        raise Unavailable(
            f"this installation has no `{name}`", hint="install Caisson with pip, which builds it"
        ) from cause
