"""Collateral that is kept on disk, so that verification does not wait for a service, nor depend on it for a while.

Kept is only what was verified, so that nobody on the way to the service can fill the cache with something else; and
whoever uses it verifies it again, so that nobody who can write to the directory gains anything.
"""

import contextlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from caisson.errors import Malformed, Unavailable, UsageError
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.signed_json import Fields

_VERSION = 1
_MOST_BYTES = 16 * 1024 * 1024
_PRIVATE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Collateral, when it was fetched, and whether it is old because the service did not answer."""

    collateral: Collateral
    fetched: datetime
    stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralCache:
    """Collateral by key (say, where it is from and what it is about), one file for each.

    It is fetched anew once it is `most_age` old, or `early` before its first part is due to be replaced. If the service
    then does not answer, what is kept serves on only if `stale_if_error` allows it, and never beyond its own time.
    """

    directory: Path
    most_age: timedelta
    early: timedelta
    stale_if_error: bool

    def get(
        self, key: str, fetch: Callable[[], Collateral], *, check: Callable[[Collateral], object], at: datetime
    ) -> Kept:
        """Give collateral as of `at`; what is fetched is kept once `check` has not raised.

        Raises:
            Unavailable: it has to be fetched, and cannot be.
            UsageError: the directory cannot be used.
            Rejected: what `check` raises.
        """
        kept = self._read(key)
        if kept is not None and self._fresh(kept, at):
            return kept
        try:
            collateral = fetch()
        except Unavailable:
            if self.stale_if_error and kept is not None and _age(kept, at) >= timedelta(0) and at < _due(kept):
                return Kept(collateral=kept.collateral, fetched=kept.fetched, stale=True)
            raise
        check(collateral)
        self._write(key, collateral, at)
        return Kept(collateral=collateral, fetched=at, stale=False)

    def _fresh(self, kept: Kept, at: datetime) -> bool:
        # A clock that was set back makes entries of the future; nobody knows their age.
        return timedelta(0) <= _age(kept, at) < self.most_age and at < _due(kept) - self.early

    def _read(self, key: str) -> Kept | None:
        """Give an entry; one that is damaged, or written by another version, is as good as none."""
        try:
            with self._path(key).open("rb") as file:
                raw = file.read(_MOST_BYTES)
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise self._unusable(cause) from cause
        try:
            entry = Fields.parse(raw, what="cache entry")
            if (entry.integer("version", most=_VERSION), entry.text("key")) != (_VERSION, key):
                return None
            collateral = Collateral.parse(entry.member("collateral").value)
            kept = Kept(collateral=collateral, fetched=entry.moment("fetched"), stale=False)
            _due(kept)
        except Malformed:
            return None
        return kept

    def _write(self, key: str, collateral: Collateral, at: datetime) -> None:
        entry = {
            "version": _VERSION,
            "key": key,
            "fetched": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "collateral": json.loads(collateral.encode()),
        }
        path = self._path(key)
        draft = path.with_suffix(f".{secrets.token_hex(8)}")
        try:
            self.directory.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            with draft.open("xb") as file:
                file.write(json.dumps(entry).encode())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as cause:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise self._unusable(cause) from cause

    def _path(self, key: str) -> Path:
        return self.directory / f"{sha256(key.encode()).hexdigest()}.json"

    def _unusable(self, cause: OSError) -> UsageError:
        return UsageError(f"cannot keep collateral in `{self.directory}`: {cause.strerror}")


def _age(kept: Kept, at: datetime) -> timedelta:
    return at - kept.fetched


def _due(kept: Kept) -> datetime:
    return kept.collateral.next_update
