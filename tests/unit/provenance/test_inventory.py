"""What package managers left in an image is found, wherever and however they left it."""

import contextlib
import json
import os
import sqlite3
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.provenance.packages import apk, dpkg, npm, python, rpm
from caisson.provenance.packages.distribution import Distribution
from caisson.provenance.packages.rpm_header import RpmHeader
from tests.unit.provenance.conftest import RELEASE, STATUS

FEDORA = b"ID=fedora\nVERSION_ID=42\n"


def purls(inventory):
    return [component.purl for component in inventory.components]


def test_dpkg_packages_are_found_and_removed_ones_are_not(inventory):
    found = inventory({"/etc/os-release": RELEASE, "/var/lib/dpkg/status": STATUS})
    assert purls(found) == [
        "pkg:deb/debian/half@1:2~3?arch=all&distro=debian-12",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12&upstream=glibc",
    ]
    assert found.unread == ()


def test_distroless_images_tell_of_each_package_by_itself(inventory):
    stanza = b"Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"
    found = inventory(
        {"/var/lib/dpkg/status.d/base": stanza, "/var/lib/dpkg/status.d/base.md5sums": b"Package: x\nVersion: 1\n"}
    )
    assert purls(found) == ["pkg:deb/debian/base-files@12.4?arch=amd64"]


def test_apk_packages_are_found(inventory):
    installed = b"C:Q1abc=\nP:busybox-binsh\nV:1.36.1-r5\nA:x86_64\nL:GPL-2.0-only\no:busybox\nF:bin\n\nP:musl\nV:1.2\n"
    found = inventory({"/etc/os-release": b"ID=alpine\nVERSION_ID=3.19.1\n", "/lib/apk/db/installed": installed})
    assert purls(found) == [
        "pkg:apk/alpine/busybox-binsh@1.36.1-r5?arch=x86_64&distro=alpine-3.19.1&upstream=busybox",
        "pkg:apk/alpine/musl@1.2?distro=alpine-3.19.1",
    ]
    assert found.components[0].licence == "GPL-2.0-only"


def test_python_packages_are_found_under_their_normal_names(inventory):
    metadata = b"Metadata-Version: 2.1\nName: Flask_Login.x\nVersion: 1.0\nLicense-Expression: MIT\n\nName: not this\n"
    egg = b"Metadata-Version: 1.1\nName: six\nVersion: 1.16.0\nLicense: MIT\n"
    found = inventory(
        {
            "/opt/venv/lib/python3.12/site-packages/flask_login.dist-info/METADATA": metadata,
            "/usr/lib/python3/dist-packages/six-1.16.0.egg-info": egg,
            "/usr/lib/python3/dist-packages/six.egg-info/PKG-INFO": egg,
            "/srv/METADATA": metadata,
        }
    )
    assert purls(found) == ["pkg:pypi/flask-login-x@1.0", "pkg:pypi/six@1.16.0", "pkg:pypi/six@1.16.0"]


def test_npm_packages_are_found_in_and_below_node_modules(inventory):
    def package(name):
        return json.dumps({"name": name, "version": "1.2.3", "license": {"type": "ISC"}}).encode()

    found = inventory(
        {
            "/app/node_modules/a/package.json": package("a"),
            "/app/node_modules/a/node_modules/@scope/b/package.json": package("@scope/b"),
            "/app/node_modules/a/test/package.json": package("fixture"),
            "/app/package.json": package("app"),
            "/app/node_modules/broken/package.json": b"{",
            "/app/node_modules/nameless/package.json": b"{}",
        }
    )
    assert purls(found) == ["pkg:npm/%40scope/b@1.2.3", "pkg:npm/a@1.2.3"]
    assert found.components[1].licence == "ISC"
    assert found.unread == ("/app/node_modules/broken/package.json: package.json is not unambiguous JSON",)


@pytest.fixture(scope="module")
def rpm_database(tmp_path_factory):
    """A database that rpm itself made, with one package that rpmbuild made."""
    top = tmp_path_factory.mktemp("rpm")
    (top / "hello.spec").write_text(
        "Name: hello\nVersion: 2.12\nRelease: 3\nEpoch: 1\nSummary: s\nLicense: GPLv3+\nBuildArch: noarch\n"
        "%description\nd\n%files\n"
    )
    environment = {**os.environ, "HOME": str(top), "SOURCE_DATE_EPOCH": "0"}
    build = ["rpmbuild", "--quiet", "-bb", "--define", f"_topdir {top}", top / "hello.spec"]
    subprocess.run(build, check=True, capture_output=True, env=environment)
    (package,) = top.rglob("*.rpm")
    options = ["--dbpath", top / "db", "--define", "_db_backend sqlite", "--nodeps", "--justdb", "--ignorearch"]
    subprocess.run(["rpm", *options, "-i", package], check=True, capture_output=True, env=environment)
    return (top / "db" / "rpmdb.sqlite").read_bytes()


@pytest.mark.parametrize("directory", rpm.DIRECTORIES)
def test_packages_of_a_real_rpm_database_are_found(inventory, rpm_database, directory):
    found = inventory({"/etc/os-release": FEDORA, f"{directory}/rpmdb.sqlite": rpm_database})
    assert purls(found) == [
        "pkg:rpm/fedora/hello@2.12-3?arch=noarch&distro=fedora-42&epoch=1&upstream=hello-2.12-3.src.rpm"
    ]
    assert found.components[0].licence == "GPLv3+"
    assert found.unread == ()


@pytest.mark.parametrize(("name", "kind"), [("Packages", "Berkeley DB"), ("Packages.db", "ndb")])
def test_other_formats_of_rpm_are_said_to_be_unread(inventory, name, kind):
    found = inventory({f"/var/lib/rpm/{name}": b"x"})
    assert found.components == ()
    assert found.unread == (f"/var/lib/rpm/{name}: RPM's database in the format {kind}, which is not read here",)


def database(*statements):
    connection = sqlite3.connect(":memory:")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    return connection.serialize()


STORE = b"name\0001.2\0"
HEADER = struct.pack(">II", 2, len(STORE)) + struct.pack(">IIiIIIiI", 1000, 6, 0, 1, 1001, 6, 5, 1) + STORE
DATABASE = database(
    "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)",
    f"INSERT INTO Packages VALUES (1, x'{HEADER.hex()}'), (2, x'{HEADER.hex()}')",
)


def test_a_small_database_is_read():
    found = list(rpm.read_rpm(DATABASE, location="/x", distribution=Distribution()))
    assert [component.purl for component in found] == ["pkg:rpm/name@1.2"] * 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SQLite format 3\0" + bytes(84),
        database("CREATE TABLE Other (x)"),
        database("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob TEXT)", "INSERT INTO Packages VALUES (1, 'x')"),
        database(
            "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)", "INSERT INTO Packages VALUES (1, x'0011')"
        ),
        database(
            "CREATE VIEW Packages AS WITH RECURSIVE n(hnum, blob) AS "
            "(SELECT 1, x'00' UNION ALL SELECT hnum + 1, blob FROM n) SELECT hnum, blob FROM n"
        ),
    ],
    ids=["empty", "cut", "no table", "text", "no header", "a view without end"],
)
def test_what_is_no_rpm_database_is_said_to_be_unread(inventory, raw):
    (reason,) = inventory({"/var/lib/rpm/rpmdb.sqlite": raw}).unread
    assert reason.startswith("/var/lib/rpm/rpmdb.sqlite: RPM ")


def test_a_name_that_is_no_text_is_refused():
    """Found by fuzzing: SQLite's own message repeats it."""
    raw = DATABASE.replace(b"CREATE TABLE", b"CREATE TABL\xae")
    with pytest.raises(Malformed, match="cannot be read"):
        list(rpm.read_rpm(raw, location="/x", distribution=Distribution()))


@given(st.data())
def test_a_database_with_changed_bytes_is_read_or_refused(data):
    raw = bytearray(DATABASE)
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=8)):
        raw[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Malformed):
        list(rpm.read_rpm(bytes(raw), location="/x", distribution=Distribution()))


def test_a_header_gives_its_first_strings_and_numbers():
    store = b"name\0second\0\0\0\0\7"
    entries = struct.pack(">IIiI", 1000, 8, 0, 2) + struct.pack(">IIiI", 1003, 4, 12, 1)
    header = RpmHeader.parse(struct.pack(">II", 2, len(store)) + entries + store)
    assert (header.text(1000), header.number(1003), header.text(1), header.number(1000)) == ("name", 7, "", None)


@pytest.mark.parametrize("offset", [-1, 5, 1 << 20])
@pytest.mark.parametrize("kind", [4, 6])
def test_a_header_that_points_outside_is_refused(offset, kind):
    with pytest.raises(Malformed):
        RpmHeader.parse(struct.pack(">IIIIiI", 1, 5, 1000, kind, offset, 1) + b"name\0")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_header_or_refused(raw):
    try:
        RpmHeader.parse(raw)
    except Malformed:
        return


@given(st.integers(0, 3), st.binary(max_size=300))
def test_any_header_of_few_entries_is_read_or_refused(count, rest):
    raw = struct.pack(">II", count, max(0, len(rest) - 16 * count)) + rest
    try:
        RpmHeader.parse(raw)
    except Malformed:
        return


READERS = (
    lambda text, nowhere: dpkg.read_dpkg(text, location="/x", distribution=nowhere),
    lambda text, nowhere: apk.read_apk(text, location="/x", distribution=nowhere),
    lambda text, _: python.read_python(text, location="/x"),
    lambda text, _: npm.read_npm(text.encode(errors="replace"), location="/x"),
)


@pytest.mark.parametrize("read", READERS)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(read, text):
    with contextlib.suppress(Malformed):
        assert all(component.purl.startswith("pkg:") for component in read(text, Distribution.parse(text)))


@pytest.mark.parametrize("read", READERS)
@given(st.text(), st.text())
def test_names_and_versions_of_any_kind_become_package_urls_or_are_refused(read, name, version):
    fields = f"Package: {name}\nName: {name}\nP:{name}\nVersion: {version}\nV:{version}"
    text = json.dumps({"name": name, "version": version}) if read is READERS[-1] else fields
    with contextlib.suppress(Malformed):
        assert all(component.purl.startswith("pkg:") for component in read(text, Distribution()))


def test_a_version_of_which_nothing_is_left_is_said_to_be_unread(inventory):
    """Found by fuzzing: package URLs leave slashes out."""
    (reason,) = inventory({"/var/lib/dpkg/status": b"Package: ok\nVersion: 1\n\nPackage: /\nVersion: 1\n"}).unread
    assert reason == "/var/lib/dpkg/status: a package has the name '/' and the version '1'"
