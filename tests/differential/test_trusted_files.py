"""A random root file system: Gramine's tool and the conversion find the same files to trust, with the same hashes."""

import hashlib
import os
import posixpath
import tomllib
from pathlib import Path

import pytest

from caisson.conversion import Recipe, prepare
from caisson.conversion.runtime import HostFiles, find_release
from caisson.enclave import Libc
from caisson.oci import Reference, source
from tests.differential import oracle
from tests.unit.conversion.conftest import elf

pytestmark = oracle.needed

NAMES = [
    "a",
    "B",
    ".hidden",
    "ünï",
    "日本",
    "with space",
    "quo'te",
    'quo"te',
    "back\\slash",
    "new\nline",
    "-x",
    "#",
    "e\u0301",
]
RECIPE = """
version = 1
name = "tree"
summary = "a tree"
[application]
command = ["/bin/program"]
[files]
trusted = ["/srv", "/opt/one"]
[enclave]
size = "256M"
max_threads = 4
isv_prod_id = 1
isv_svn = 1
"""
TEMPLATE = """
libos.entrypoint = "/bin/program"
fs.mounts = []
[loader.entrypoint]
uri = "file:/lib/libsysdb.so"
sha256 = ""
[sgx]
trusted_files = ["file:/srv/", "file:/opt/one", "file:/bin/program"]
"""


@pytest.fixture(scope="module")
def release():
    return find_release(HostFiles(), prefix=str(oracle.PREFIX), libc=Libc.GLIBC)


def grow(chance, root):
    """Make a tree of files, directories, and links of all kinds; broken ones and loops too."""
    for path in ("srv", "opt", "bin", "elsewhere/deep"):
        (root / path).mkdir(parents=True)
    (root / "bin" / "program").write_bytes(elf(content=b"a program"))
    (root / "bin" / "program").chmod(0o755)
    (root / "opt" / "one").write_bytes(b"one")
    for name in ("x", "deep/y"):
        (root / "elsewhere" / name).write_bytes(name.encode())
    directories, files = [root / "srv"], [root / "elsewhere" / "x"]
    for _ in range(chance.randrange(1, 40)):
        path = chance.choice(directories) / (chance.choice(NAMES) + str(chance.randrange(3)))
        if os.path.lexists(path):
            continue
        match chance.randrange(8):
            case 0 | 1:
                path.mkdir()
                directories.append(path)
            case 2:
                path.symlink_to(aim(chance, root, path, chance.choice(files)))
            case 3:
                path.symlink_to(aim(chance, root, path, chance.choice([*directories[1:], root / "elsewhere"])))
            case 4:
                path.symlink_to(chance.choice(["nowhere", path.name, "/srv/../nowhere", "/srv/../elsewhere/x"]))
            case 5 if files[1:]:
                os.link(chance.choice(files[1:]), path)
            case _:
                path.write_bytes(chance.randbytes(chance.choice([0, 1, 511, 512, 513, 100_000])))
                files.append(path)


def aim(chance, root, link, target):
    """Write where a link leads, from the root of the image or from where it stands."""
    inside = "/" + str(target.relative_to(root))
    return inside if chance.random() < 0.5 else os.path.relpath(inside, "/" + str(link.parent.relative_to(root)))


@pytest.mark.parametrize("seed", oracle.seeds(4))
def test_the_same_files_are_trusted_with_the_same_hashes(seed, tmp_path, release):
    root, scratch = tmp_path / "root", tmp_path / "scratch"
    scratch.mkdir()
    grow(oracle.chance(seed), root)
    (tmp_path / "template").write_text(TEMPLATE)
    rendered = oracle.tool("gramine-manifest", "--chroot", root, tmp_path / "template", tmp_path / "manifest")
    assert rendered.returncode == 0, rendered.stderr
    theirs = {
        # Gramine writes `/srv/./x` and the like as it finds them, and opens them without detours.
        posixpath.normpath(file["uri"].removeprefix("file:")): file["sha256"]
        for file in tomllib.loads((tmp_path / "manifest").read_text())["sgx"]["trusted_files"]
    }

    image = source(Reference.parse(f"rootfs:{root}")).read(scratch=scratch)
    prepared = prepare(image, Recipe.parse(RECIPE.encode()), premain=b"premain", scratch=scratch, runtime=release)
    ours = {file.uri.removeprefix("file:"): file.sha256 for file in prepared.manifest.sgx.trusted_files}
    assert theirs.items() <= ours.items()
    # Whatever else is trusted is another name of a file that is there, or one that the conversion adds.
    for path in ours.keys() - theirs.keys():
        if not path.startswith("/.caisson/"):
            assert hashlib.sha256(real(root, path).read_bytes()).hexdigest() == ours[path], path


def real(root, path):
    """Follow a path as it is seen inside the root."""
    found = "/"
    steps = path.split("/")
    while steps:
        step = steps.pop(0)
        found = posixpath.normpath(posixpath.join(found, step))
        here = root / found.lstrip("/")
        if here.is_symlink():
            steps = str(here.readlink()).split("/") + steps
            found = "/" if str(here.readlink()).startswith("/") else posixpath.dirname(found)
    return Path(root / found.lstrip("/"))
