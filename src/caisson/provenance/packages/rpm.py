"""Packages of Fedora, Red Hat and their relatives: RPM's database, as SQLite (rpm 4.16 and later)."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from caisson.errors import Malformed
from caisson.provenance.component import Component
from caisson.provenance.packages.distribution import Distribution
from caisson.provenance.packages.rpm_header import RpmHeader

DIRECTORIES = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
DATABASES = frozenset(f"{directory}/rpmdb.sqlite" for directory in DIRECTORIES)
OTHER_FORMATS = {
    f"{directory}/{name}": kind
    for directory in DIRECTORIES
    for name, kind in (("Packages", "Berkeley DB"), ("Packages.db", "ndb"))
}

_NAME, _VERSION, _RELEASE, _EPOCH, _LICENSE, _ARCH, _SOURCE = 1000, 1001, 1002, 1003, 1014, 1022, 1044
_KEYS = "gpg-pubkey"
_MAGIC = b"SQLite format 3\0"
_VERSIONS = slice(18, 20)
_ROLLBACK = b"\1\1"
_STEPS = 50_000_000


def read_rpm(raw: bytes, *, location: str, distribution: Distribution) -> Iterator[Component]:
    """Give the packages that a database lists.

    The database is a stranger's: it is opened in memory, its schema is not trusted, and it may work for so long only.

    Raises:
        Malformed: not SQLite, without a table of packages, or with headers that are none.
    """
    if not raw.startswith(_MAGIC):
        raise Malformed("RPM database is not SQLite")
    # A database that is written ahead (WAL) cannot be opened in memory; what counts here is its main file.
    plain = raw[: _VERSIONS.start] + _ROLLBACK + raw[_VERSIONS.stop :]
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(plain)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.set_progress_handler(lambda: 1, _STEPS)
            kind = connection.execute("SELECT type FROM sqlite_schema WHERE name = 'Packages'").fetchone()
            if kind != ("table",):
                raise Malformed("RPM database has no table of packages")
            blobs = [row[0] for row in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]
    except (sqlite3.Error, UnicodeDecodeError, OverflowError) as cause:  # even SQLite's words may be a stranger's
        raise Malformed(f"RPM database cannot be read: {ascii(str(cause))[:200]}") from cause
    for blob in blobs:
        if not isinstance(blob, bytes):
            raise Malformed("RPM database has a package that is no header")
        yield from _component(RpmHeader.parse(blob), location, distribution)


def _component(header: RpmHeader, location: str, distribution: Distribution) -> Iterator[Component]:
    name, version, release = header.text(_NAME), header.text(_VERSION), header.text(_RELEASE)
    if not name or not version or name == _KEYS:
        return
    epoch = header.number(_EPOCH)
    yield Component.of(
        "rpm",
        name,
        f"{version}-{release}" if release else version,
        namespace=distribution.id,
        location=location,
        licence=header.text(_LICENSE),
        qualifiers={
            "arch": header.text(_ARCH),
            "distro": distribution.qualifier,
            "epoch": "" if epoch is None else str(epoch),
            "upstream": header.text(_SOURCE),
        },
    )
