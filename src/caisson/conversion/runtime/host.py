"""The files of this machine, as far as looking for an installation of Gramine needs them."""

from pathlib import Path

from caisson.errors import Unavailable


class HostFiles:
    """Implements `libraries.Files` on a directory of this machine, by default its root; links lead where they lead."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def resolve(self, path: str) -> str | None:
        """Give the real path of the regular file that `path` leads to, or nothing."""
        real = self._on_disk(path).resolve()
        return f"/{real.relative_to(self._root.resolve())}" if real.is_file() else None

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        """Read a part of a regular file; fewer bytes at its end.

        Raises:
            Unavailable: it cannot be read.
        """
        try:
            with self._on_disk(path).open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except OSError as cause:
            raise Unavailable(f"`{path}` cannot be read: {cause.strerror}") from cause

    def list_directory(self, path: str) -> tuple[str, ...]:
        """Give the sorted names in a directory, none if there is no such directory."""
        directory = self._on_disk(path)
        return tuple(sorted(child.name for child in directory.iterdir())) if directory.is_dir() else ()

    def _on_disk(self, path: str) -> Path:
        return self._root / path.lstrip("/")
