"""Encrypted files, in both directions between Gramine's own tool and us: every size at a border, and long paths."""

import hashlib
import os
import subprocess

import pytest

from caisson.enclave.protected_files import FileKey, Reader, encrypt, normal_path
from caisson.errors import FileRejected
from tests.differential import oracle

pytestmark = oracle.needed

NODE, HEAD, GROUP = 4096, 3072, 96
# Content at which something new begins: the first data node, the next, the next branch, the next level of branches.
BORDERS = [0, HEAD, HEAD + NODE, HEAD + 2 * NODE, *(HEAD + GROUP * NODE * branches for branches in (1, 2, 32, 33, 34))]
SIZES = sorted({max(0, border + off) for border in BORDERS for off in (-1, 0, 1)})
HUGE = HEAD + GROUP * NODE * (1 + 32 + 32 * 8) + 12345  # 114 MB: the third level of branches


@pytest.fixture
def room(tmp_path):
    """A directory with a key, in which files are encrypted and decrypted."""
    (tmp_path / "wrap.key").write_bytes(os.urandom(16))
    return tmp_path


def tool(room, mode, source, target, *options):
    program = oracle.PREFIX / "bin" / "gramine-sgx-pf-crypt"
    command = [program, mode, "-w", "wrap.key", "-i", source, "-o", target, *options]
    return subprocess.run(command, cwd=room, capture_output=True, text=True, check=False)


def key(room):
    return FileKey((room / "wrap.key").read_bytes())


def plain(room, size, seed):
    """Write random content; give its digest."""
    content = oracle.chance(seed).randbytes(size)
    (room / "plain").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def sizes():
    chance = oracle.chance(oracle.FIRST_SEED)
    return [*SIZES, *(chance.randrange(1 << chance.randrange(1, 24)) for _ in range(4 * oracle.MORE))]


@pytest.mark.parametrize("size", [*sizes(), pytest.param(HUGE, marks=pytest.mark.slow)])
def test_both_read_what_the_other_wrote(room, size):
    digest = plain(room, size, size)
    assert tool(room, "encrypt", "plain", "theirs").returncode == 0
    with (room / "theirs").open("rb") as file:
        reader = Reader(file, key(room), path="theirs")
        found = hashlib.sha256()
        for block in reader.blocks():
            found.update(block)
    assert (reader.size, found.hexdigest()) == (size, digest)

    with (room / "plain").open("rb") as source, (room / "ours").open("w+b") as target:
        encrypt(source, target, key(room), path="ours", random=os.urandom)
    opened = tool(room, "decrypt", "ours", "opened", "-V")
    assert opened.returncode == 0, opened.stdout + opened.stderr
    assert hashlib.sha256((room / "opened").read_bytes()).hexdigest() == digest
    assert (room / "ours").stat().st_size == (room / "theirs").stat().st_size


@pytest.mark.parametrize("length", [1, 100, 259, 260, 511, 512, 770, 771, 772, 800])
def test_both_have_the_same_limit_for_paths(room, length):
    path = named(length)
    (room / path).parent.mkdir(parents=True, exist_ok=True)
    plain(room, 10, length)
    theirs = tool(room, "encrypt", "plain", path)
    if length > 771:
        assert theirs.returncode != 0
        return
    assert theirs.returncode == 0, theirs.stdout
    with (room / path).open("rb") as file:
        assert Reader(file, key(room)).path == path
    with (room / "plain").open("rb") as source, (room / path).open("w+b") as target:
        encrypt(source, target, key(room), path=path, random=os.urandom)
    assert tool(room, "decrypt", path, "opened", "-V").returncode == 0


def named(length):
    """Give a relative path of that many bytes, whose names no file system finds too long."""
    path = "é" * 49 + "/"
    while len(path.encode()) < length:
        path += "d" * 98 + "/"
    cut = path.encode()[: length - 1].decode(errors="ignore")
    return cut + "f" * (length - len(cut.encode()))


@pytest.mark.parametrize(
    "path",
    ["a", "ünï cödé", "日本/🐋", "with'quote\"", "new\nline", "./a", "a//b", "a/../b", "../r/./a", "back\\slash"],
)
def test_both_bind_a_file_to_the_path_as_it_is_written(room, path):
    (room / path).parent.mkdir(parents=True, exist_ok=True)
    plain(room, 5000, 1)
    assert tool(room, "encrypt", "plain", path).returncode == 0
    with (room / path).open("rb") as file:
        assert Reader(file, key(room), path=path).path == normal_path(path)
    with (room / "plain").open("rb") as source, (room / path).open("w+b") as target:
        encrypt(source, target, key(room), path=path, random=os.urandom)
    assert tool(room, "decrypt", path, "opened", "-V").returncode == 0
    (room / "elsewhere").write_bytes((room / path).read_bytes())
    assert tool(room, "decrypt", "elsewhere", "opened", "-V").returncode != 0
    with (room / "elsewhere").open("rb") as file, pytest.raises(FileRejected, match="written for the path"):
        Reader(file, key(room), path="elsewhere")


def test_whatever_gramines_tool_tampers_with_is_refused(room):
    # Two branches below the root, since the tool swaps them.
    plain(room, HEAD + (2 * GROUP + 1) * NODE, 1)
    assert tool(room, "encrypt", "plain", "sealed").returncode == 0
    (room / "bad").mkdir()
    program = oracle.PREFIX / "bin" / "gramine-sgx-pf-tamper"
    subprocess.run([program, "-w", "wrap.key", "-i", "sealed", "-o", "bad"], cwd=room, capture_output=True, check=True)
    tampered = sorted((room / "bad").iterdir())
    assert len(tampered) == 72
    accepted = [path.name for path in tampered if opens(path, room)]
    assert accepted == []


def opens(path, room):
    with path.open("rb") as file:
        try:
            return all(isinstance(block, bytes) for block in Reader(file, key(room), path="sealed").blocks())
        except FileRejected:
            return False
