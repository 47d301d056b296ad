"""Build stages, with stand-ins for the programs that make root file systems and enter them."""

import os
import tarfile

import pytest

from caisson.conversion import DebianSource, Recipe, fetch_source
from caisson.conversion.building import build_stage
from caisson.conversion.recipe_source import BuildStage
from caisson.errors import Malformed, Unavailable, UsageError
from tests.unit.conversion.test_recipe import MINIMAL

DEBIAN = "[source.debian]\nsuite = 'bookworm'\npackages = ['libc6']\n"
BUILD = "[source.build]\npackages = ['gcc']\nfiles = ['main.c']\ncommands = [['cc', 'main.c']]\n"
STAGE = BuildStage.model_construct(packages=("gcc",), files={"main.c": "int main;"}, commands=(("cc", "main.c"),))


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Put programs on PATH: mmdebstrap makes an archive, unshare does what `body` says with `$root`."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def install(body='cp "$root/src/main.c" "$root/out/program"'):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        with tarfile.open(tmp_path / "root.tar", "w") as archive:
            for name in ("usr", "usr/bin"):
                member = tarfile.TarInfo(name)
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                member.uid, member.gid = os.getuid(), os.getgid()
                archive.addfile(member)
        scripts = {
            "mmdebstrap": f'for target; do :; done\necho "$*" >> {tmp_path}/packages\ncp {tmp_path}/root.tar "$target"',
            "unshare": f'echo "$*" >> {tmp_path}/calls\n'
            'for word; do case "$word" in --root=*) root="${word#--root=}";; esac; done\n' + body,
        }
        for name, text in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin")
        return tmp_path / "cache"

    return install


def test_what_the_commands_put_below_out_is_the_result(tools, tmp_path):
    made = build_stage(STAGE, "bookworm", tools())
    assert (made / "program").read_text() == "int main;"
    call = (tmp_path / "calls").read_text()
    assert "--net" in call
    assert call.endswith("--wd=/src cc main.c\n")
    assert "coreutils,dash,gcc" in (tmp_path / "packages").read_text()


def test_a_stage_is_carried_out_once_and_anew_when_a_source_changes(tools, tmp_path):
    cache = tools()
    one, again = (build_stage(STAGE, "bookworm", cache) for _ in range(2))
    other = build_stage(STAGE.model_copy(update={"files": {"main.c": "other"}}), "bookworm", cache)
    assert one == again != other
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


def test_a_command_that_fails_leaves_nothing_and_its_words(tools):
    cache = tools("echo 'main.c: no semicolon'; exit 1")
    with pytest.raises(UsageError, match=r"`cc main\.c` ended with 1") as caught:
        build_stage(STAGE, "bookworm", cache)
    assert caught.value.hint == "main.c: no semicolon"
    assert [path.suffix for path in cache.iterdir()] == [".tar"]


def test_a_stage_that_makes_nothing_is_refused(tools):
    with pytest.raises(UsageError, match="made nothing"):
        build_stage(STAGE, "bookworm", tools("true"))


def test_without_root_it_says_so(tools, monkeypatch):
    cache = tools()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Unavailable, match="root"):
        build_stage(STAGE, "bookworm", cache)


def test_packages_and_what_was_built_lie_on_each_other(tools, tmp_path):
    (tmp_path / "main.c").write_text("int main;")
    (tmp_path / "caisson.toml").write_text(MINIMAL + DEBIAN + BUILD)
    wanted = Recipe.read(tmp_path / "caisson.toml").source
    packages, built = fetch_source(wanted, DebianSource(suite="bookworm", packages=("libc6",)), tools())
    assert packages.suffix == ".tar"
    assert (built / "program").exists()


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (MINIMAL + BUILD.replace("['main.c']", "[]"), "without `debian`"),
        (MINIMAL + DEBIAN + BUILD, "not read out of a folder"),
        (MINIMAL + DEBIAN + BUILD.replace("['main.c']", "{ 'main.c' = 'text' }"), "list of names"),
        (MINIMAL + DEBIAN + BUILD.replace("['main.c']", "[]").replace("[['cc', 'main.c']]", "[]"), "commands"),
        (MINIMAL + DEBIAN + BUILD.replace("['main.c']", "[]").replace("'gcc'", "'--gcc'"), "packages"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(recipe, words):
    with pytest.raises(Malformed, match=words):
        Recipe.parse(recipe.encode())
