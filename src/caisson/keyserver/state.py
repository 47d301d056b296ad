"""The key server's directory: one database, and a root key that is kept elsewhere."""

import contextlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from caisson.errors import Malformed, Unavailable, UsageError
from caisson.keyserver.ca import check_trust_domain
from caisson.keyserver.sealing import RootKey
from caisson.keyserver.secret import Secret
from caisson.keyserver.server import KeyServer, PublicFace
from caisson.keyserver.store import Store

DATABASE = "keyserver.sqlite"


def initialise_state(
    directory: Path,
    unseal_key_file: Path,
    *,
    trust_domain: str,
    clock: Callable[[], float] = time.time,
) -> tuple[KeyServer, Secret]:
    """Make a new server in a directory (0700), and its root key in a file (0600, hexadecimal); give the first token.

    Where that fails, neither is left.

    Raises:
        UsageError: either exists already, or the trust domain is none.
        Unavailable: the file system refuses.
    """
    # Whatever can be refused is refused before anything is made.
    check_trust_domain(trust_domain)
    database = directory / DATABASE
    if database.exists():
        raise UsageError(f"`{database}` exists", hint="choose another directory; nothing is overwritten")
    if unseal_key_file.exists():
        raise UsageError(f"`{unseal_key_file}` exists", hint="choose another file; nothing is overwritten")
    root_key, value = RootKey.generate()
    with contextlib.ExitStack() as undoing:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(unseal_key_file, value.reveal().hex().encode() + b"\n")
            undoing.callback(unseal_key_file.unlink)
            # SQLite gives its log files the mode of the database.
            os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            undoing.callback(_remove, database)
        except FileExistsError as cause:
            raise UsageError(
                f"`{cause.filename}` exists", hint="choose another file; nothing is overwritten"
            ) from cause
        except OSError as cause:
            raise Unavailable(
                f"cannot write `{cause.filename or unseal_key_file}`: {cause.strerror}",
                hint="check the path, who may write there, and the space that is left",
            ) from cause
        store = Store.in_file(database)
        undoing.callback(store.close)
        made = KeyServer.create(store, root_key, trust_domain=trust_domain, clock=clock)
        undoing.pop_all()
    return made


def open_state(directory: Path, unseal_key_file: Path, *, clock: Callable[[], float] = time.time) -> KeyServer:
    """Unseal the server of a directory.

    Raises:
        UsageError: there is none, or no unseal key, or one that everybody can read.
        SealBroken: the key is another one, or the database was changed.
    """
    return KeyServer.open(_store(directory), read_unseal_key(unseal_key_file), clock=clock)


def ensure_state(
    directory: Path,
    unseal_key_file: Path,
    first_token: Secret,
    *,
    trust_domain: str,
    clock: Callable[[], float] = time.time,
) -> KeyServer:
    """Unseal the server of a directory or, at the first start, make it there: root key and token come from elsewhere.

    For a server whose secrets another one keeps. A start that was interrupted is made up for. Where the database was
    taken away, it is a first start again: the token that is given then counts, even if it was revoked before.

    Raises:
        UsageError: no unseal key, or one that everybody can read; no token; no trust domain.
        SealBroken: the key is another one, or the database was changed.
        Unavailable: the file system refuses.
    """
    check_trust_domain(trust_domain)
    root_key = read_unseal_key(unseal_key_file)
    database = directory / DATABASE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(database, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as cause:
        raise Unavailable(f"cannot write `{cause.filename}`: {cause.strerror}") from cause
    store = Store.in_file(database)
    if KeyServer.lives_in(store):
        return KeyServer.open(store, root_key, clock=clock)
    return KeyServer.create(store, root_key, trust_domain=trust_domain, clock=clock, first_token=first_token)[0]


def public_face(directory: Path) -> PublicFace:
    """Tell what anyone may know of the server of a directory, without unsealing it.

    Raises:
        UsageError: there is none.
    """
    return PublicFace.load(_store(directory))


def memory_server(*, trust_domain: str, clock: Callable[[], float] = time.time) -> tuple[KeyServer, Secret]:
    """Make a server that ends with the process, and give its token."""
    root_key, _ = RootKey.generate()
    return KeyServer.create(Store.in_memory(), root_key, trust_domain=trust_domain, clock=clock)


def read_unseal_key(path: Path) -> RootKey:
    """Read a root key that `initialise_state` wrote.

    Raises:
        UsageError: it is not there, or everybody can read it.
        Malformed: it is no unseal key.
    """
    text = read_private(path, what="unseal key").reveal()
    try:
        value = Secret(bytes.fromhex(text.decode("ascii").strip()))
    except ValueError:
        # The cause would carry the key.
        raise Malformed(f"`{path}` is not an unseal key: 64 hexadecimal digits") from None
    return RootKey(value)


def read_private(path: Path, *, what: str) -> Secret:
    """Read a file that holds a secret, unless everybody can read it.

    Raises:
        UsageError: it is not there, or everybody can read it.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IRWXO:
                raise UsageError(f"the {what} `{path}` is open to everybody", hint=f"run `chmod o= {path}`")
            return Secret(file.read())
    except OSError as cause:
        raise UsageError(f"cannot read the {what} `{path}`: {cause.strerror}") from cause


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, durably; one that cannot be written whole is gone again.

    Raises:
        FileExistsError: it exists; it is not touched.
        OSError: the file system refuses.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink()
        raise


def _remove(database: Path) -> None:
    for beside in ("", "-wal", "-shm"):
        database.with_name(database.name + beside).unlink(missing_ok=True)


def _store(directory: Path) -> Store:
    database = directory / DATABASE
    if not database.is_file():
        raise UsageError(
            f"`{directory}` holds no key server", hint=f"create one with `caisson keyserver init --state {directory}`"
        )
    return Store.in_file(database)
