"""Named volumes, and what one is called that nobody named: no two deployments, and no two paths, share a name."""

import re
from dataclasses import dataclass
from typing import Self

SLOT = "{{.Task.Slot}}"  # Swarm puts the replica's number in its place

RESOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")

# With these a path begins, wherever one of them stands in a name. Data lies under the names that follow from them.
_TOP = frozenset({"data", "etc", "home", "mnt", "opt", "run", "srv", "tmp", "usr", "var"})
_GRAMINE = "-gramine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A named volume for a path that the image declares as one.

    `former` is what earlier versions called it, if they did otherwise: there may be data.
    """

    path: str
    name: str
    former: str | None = None

    @classmethod
    def unnamed(cls, path: str, *, of: str, gramine: bool = False) -> Self:
        """Give the volume of a container for a path; what it keeps under `gramine-direct` is nobody else's.

        It is `caisson-CONTAINER-PATH` with `-` for `/`, where this can be taken apart in its most likely way only:
        `caisson-app-db-x` is `/db/x` of `app`, and no longer also `/x` of `app-db`, which is `caisson_app-db_x`.
        """
        owner = of + _GRAMINE * gramine
        former = f"caisson-{owner}{path.replace('/', '-')}"
        if _owner(former) == (owner, path) and owner.endswith(_GRAMINE) is gramine:
            return cls(path=path, name=former)
        name = f"caisson_{of}{'.gramine' * gramine}{escaped(path)}"
        return cls(path=path, name=name, former=former if _is_name(former) else None)


def escaped(path: str) -> str:
    """Write a path as a part of a volume's name, from which it can be read again."""
    return re.sub(r"[^A-Za-z0-9/-]", lambda sign: "".join(f".{byte:02x}" for byte in sign[0].encode()), path).replace(
        "/", "_"
    )


def _owner(name: str) -> tuple[str, str] | None:
    """Read whose a volume was, and for which path; None if no engine would take the name.

    The path begins with a directory that every system has, or else behind the first word and the number of a replica.
    """
    words = name.removeprefix("caisson-").split("-")
    behind = range(1, len(words))
    usual = (at for at in behind if words[at] in _TOP)
    others = (at for at in behind if not (words[at].isdecimal() or words[at] == SLOT))
    start = next(usual, None) or next(others, 1)
    return ("-".join(words[:start]), "/" + "/".join(words[start:])) if _is_name(name) else None


def _is_name(name: str) -> bool:
    return RESOURCE_NAME.fullmatch(name.replace(SLOT, "1")) is not None
