"""Where bundles are kept on this machine: one directory for each, named by its content."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from caisson.conversion.runtime.release import Release
from caisson.enclave import RuntimeBundle, version_key
from caisson.errors import ImageChanged, Malformed, Unavailable, UsageError

_DESCRIPTION = "bundle.json"
_SHORTEST_ID = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRuntime:
    """A bundle in the store."""

    bundle: RuntimeBundle
    directory: Path

    def release(self) -> Release:
        """Read all parts, each compared with the bundle's name for it.

        Raises:
            ImageChanged: a part is missing or differs.
        """
        contents, changes = dict[str, bytes](), list[str]()
        for name, digest in sorted(self.bundle.parts.items()):
            try:
                contents[name] = (self.directory / name).read_bytes()
            except OSError as error:
                changes.append(f"`{name}` cannot be read: {error.strerror}")
                continue
            if (found := sha256(contents[name]).hexdigest()) != digest:
                changes.append(f"`{name}` has the SHA-256 {found}, not {digest}")
        if changes:
            raise ImageChanged(tuple(changes), hint="remove the bundle and add it again")
        return Release(bundle=self.bundle, contents=contents)


class RuntimeStore:
    """The bundles below one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, release: Release) -> StoredRuntime:
        """Keep a bundle; one that is there already is left as it is."""
        target = self._directory / release.bundle.id
        if not target.exists():
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._directory, prefix=".new-") as scratch:
                unfinished = Path(scratch) / "bundle"
                for name, content in {**release.contents, _DESCRIPTION: release.bundle.encode()}.items():
                    path = unfinished / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                unfinished.replace(target)
        return StoredRuntime(bundle=release.bundle, directory=target)

    def list(self) -> tuple[StoredRuntime, ...]:
        """Give all bundles, the newest release first.

        Raises:
            ImageChanged: a description is not the one that its directory is named for.
        """
        found = sorted(self._read(), key=lambda each: each.bundle.id)
        return tuple(sorted(found, key=lambda each: version_key(each.bundle.version), reverse=True))

    def find(self, identifier: str | None = None) -> StoredRuntime:
        """Give the bundle whose identifier begins so; without one, the newest.

        Raises:
            UsageError: there is none, or more than one.
        """
        known = self.list()
        if identifier is None:
            if not known:
                raise UsageError("there is no runtime bundle", hint="add one: `caisson runtime add --prefix /usr`")
            return known[0]
        hits = [each for each in known if each.bundle.id.startswith(identifier)]
        if len(hits) != 1 or len(identifier) < _SHORTEST_ID:
            raise UsageError(
                f"`{identifier[:80]}` names {len(hits) or 'no'} runtime bundle{'s' * (len(hits) > 1)}",
                hint="see `caisson runtime list`; four digits are the least",
            )
        return hits[0]

    def remove(self, stored: StoredRuntime) -> None:
        """Forget a bundle. Images that were made with it have all they need of it.

        Raises:
            Unavailable: it cannot be removed.
        """
        try:
            shutil.rmtree(stored.directory)
        except OSError as cause:
            raise Unavailable(f"`{stored.directory}` cannot be removed: {cause.strerror}") from cause

    def _read(self) -> Iterator[StoredRuntime]:
        if not self._directory.is_dir():
            return
        for directory in self._directory.iterdir():
            if directory.name.startswith("."):
                continue
            try:
                bundle = RuntimeBundle.parse((directory / _DESCRIPTION).read_bytes())
            except (OSError, Malformed) as cause:
                raise ImageChanged((f"`{directory}` holds no runtime bundle",), hint="remove that directory") from cause
            if bundle.id != directory.name:
                raise ImageChanged((f"`{directory}` holds the bundle {bundle.id}",), hint="remove that directory")
            yield StoredRuntime(bundle=bundle, directory=directory)
