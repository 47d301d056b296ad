"""What starts, as a manifest says it: behind the guest agent, or at once."""

from dataclasses import dataclass
from typing import Self

from caisson.enclave.manifest.foreign import Foreign
from caisson.enclave.manifest.lint.words import name_of

_GUEST_AGENT = "premain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and its arguments, without its own name; no arguments are known where the host chooses them."""

    path: str
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, manifest: Foreign) -> Self:
        """Read it out of `libos.entrypoint` and `loader.argv`."""
        path = manifest.get("libos.entrypoint") or ""
        argv = tuple(manifest.get("loader.argv"))
        if name_of(path) == _GUEST_AGENT and len(argv) > 1:
            return cls(path=argv[1], arguments=argv[3:])
        return cls(path=path, arguments=argv[1:])
