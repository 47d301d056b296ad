"""Root file systems out of Debian's packages, with a stand-in for the program that makes them."""

import os
import re
import subprocess

import pytest

from caisson.conversion import DebianSource, build_rootfs
from caisson.errors import Unavailable

SOURCE = DebianSource(suite="bookworm", packages=("redis-server",))


@pytest.fixture
def mmdebstrap(tmp_path, monkeypatch):
    """Put a program on PATH that writes down how it was called, and does what `body` says."""

    def install(body='printf "%s" "$*" > "$target"'):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "mmdebstrap"
        script.write_text(
            f'#!/bin/sh\nfor target; do :; done\necho "$SOURCE_DATE_EPOCH $*" >> {tmp_path}/calls\n{body}\n'
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin")
        return tmp_path / "calls"

    return install


def test_packages_are_unpacked_without_running_their_scripts_and_without_a_date(mmdebstrap, tmp_path):
    calls = mmdebstrap()
    archive = build_rootfs(SOURCE, tmp_path / "cache")
    assert archive.parent == tmp_path / "cache"
    call = calls.read_text()
    assert call.startswith("1577836800 --variant=extract ")
    assert "--include=usr-is-merged,redis-server " in call
    assert re.findall(r"--(\S+)-hook=", call) == ["extract"]
    assert "chroot" not in call


def test_the_hook_notes_names_and_versions_of_what_is_unpacked(mmdebstrap, tmp_path):
    """As mmdebstrap does it: a hook runs when the packages are unpacked, with their files still there."""
    package = tmp_path / "package" / "DEBIAN"
    package.mkdir(parents=True)
    (package / "control").write_text(
        "Package: hello\nVersion: 1:2.10-3\nArchitecture: all\nSource: hi\nMaintainer: x\nDescription: y\n"
    )
    archives = tmp_path / "root" / "var/cache/apt/archives"
    archives.mkdir(parents=True)
    name = "hello_1%3a2.10-3_all.deb"
    subprocess.run(["dpkg-deb", "--build", package.parent, archives / name], check=True, capture_output=True)
    mmdebstrap(
        'for option; do case "$option" in --extract-hook=*) hook=${option#*=};; esac; done\n'
        f'MMDEBSTRAP_ESSENTIAL=/var/cache/apt/archives/{name} sh -c "$hook" exec {tmp_path}/root\n: >"$target"'
    )
    build_rootfs(SOURCE, tmp_path / "cache")
    noted = (tmp_path / "root" / "var/lib/dpkg/status.d/hello").read_text()
    assert noted == "Package: hello\nVersion: 1:2.10-3\nArchitecture: all\nSource: hi\n"


def test_what_was_built_once_is_taken_from_the_cache(mmdebstrap, tmp_path):
    calls = mmdebstrap()
    first, again = (build_rootfs(SOURCE, tmp_path / "cache") for _ in range(2))
    assert first == again
    assert calls.read_text().count("--variant=extract") == 1
    other = build_rootfs(DebianSource(suite="bookworm", packages=("nginx-light",)), tmp_path / "cache")
    assert other != first


def test_a_build_that_fails_leaves_nothing_and_says_why(mmdebstrap, tmp_path):
    # The cause comes first; what follows on it says nothing.
    said = ("I: running", "W: no name server", "E: unable to find the package", *("I: removing",) * 3, "E: failed")
    mmdebstrap(f"""echo half > "$target"; printf '%s\\n' {" ".join(f'"{line}"' for line in said)} >&2; exit 25""")
    words = "W: no name server / E: unable to find the package / E: failed$"
    with pytest.raises(Unavailable, match=words) as caught:
        build_rootfs(SOURCE, tmp_path / "cache")
    assert "mirror" in caught.value.hint
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_mmdebstrap_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable) as caught:
        build_rootfs(SOURCE, tmp_path / "cache")
    assert caught.value.hint == "apt-get install mmdebstrap"
