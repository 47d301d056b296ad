"""Reading what strace writes, and proposing lines for a recipe."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.conversion import Content
from caisson.conversion.trace import Proposal, opened_files, propose
from caisson.oci import FileLayer, Image, ImageConfig, append, tar
from tests.unit.conversion.conftest import elf

LOG = r"""
12    execve("/usr/bin/app", [...], 0x7ffd /* 3 vars */) = 0
12    openat(AT_FDCWD, "/usr/lib/liba.so", O_RDONLY|O_CLOEXEC) = 3
12    openat(AT_FDCWD, "/not/there", O_RDONLY) = -1 ENOENT (No such file or directory)
12    openat(AT_FDCWD, "/written", O_WRONLY|O_CREAT, 0644) = 4
12    openat(AT_FDCWD, "/a/directory", O_RDONLY|O_DIRECTORY) = 4
13    openat(AT_FDCWD, "/slow",  <unfinished ...>
14    open("/other \"one\"\n\303\244", O_RDONLY) = 5
13    <... openat resumed>O_RDONLY) = 6
14    openat(AT_FDCWD, "/slower",  <unfinished ...>
14    <... openat resumed>O_RDONLY) = -1 EACCES (Permission denied)
15    openat(AT_FDCWD, "relative", O_RDONLY) = 7
15    openat(3</usr>, "below", O_RDONLY) = 7
15    +++ exited with 0 +++
"""


def test_what_was_opened_for_reading_is_found():
    assert opened_files(LOG) == {"/usr/bin/app", "/usr/lib/liba.so", "/slow", '/other "one"\n\xc3\xa4'}


@given(st.text())
def test_any_log_is_read(log):
    opened_files(log)


@given(st.lists(st.sampled_from(LOG.splitlines()) | st.text('"\\<>=()019 openat,/AT', max_size=60), max_size=20))
def test_any_lines_are_read(lines):
    assert all(path.startswith("/") for path in opened_files("\n".join(lines)))


@pytest.fixture
def content(tmp_path):
    files = {
        "usr/bin/app": elf(content=b"app"),
        "usr/lib/plugin.so": elf(content=b"plugin"),
        "usr/lib/python/deep/module.so": elf(content=b"module"),
        **{f"usr/lib/python/deep/{number}.py": b"code" for number in range(9)},
        "etc/app.conf": b"configuration",
        "etc/hosts": b"made by the engine",
        "data/old": b"hidden by a volume",
        ".caisson/premain": b"ours",
    }

    def entries():
        for name, raw in files.items():
            yield tar.member(tar.Entry(path=name, kind=tar.Kind.FILE, size=len(raw)))
            yield raw
            yield tar.padding(len(raw))
        yield tar.member(tar.Entry(path="etc/alias", kind=tar.Kind.SYMBOLIC_LINK, link="app.conf"))
        yield tar.end()

    layer = FileLayer.pack(entries(), scratch=tmp_path)
    return Content(append(Image.build(ImageConfig(), ()), layer, created_by="test"))


def proposal(content, *opened):
    return propose(opened, content, trusted=("/usr/bin/app",), hidden=("/data",))


def test_what_is_measured_already_is_not_proposed(content):
    assert proposal(content, "/usr/bin/app") == Proposal(trusted=(), modules=())
    assert proposal(content, "/usr/bin/app").toml() == ""


@pytest.mark.parametrize("path", ["/data/old", "/.caisson/premain", "/etc/hosts", "/proc/self/maps", "/nowhere"])
def test_what_is_not_the_images_is_not_proposed(content, path):
    assert proposal(content, path) == Proposal(trusted=(), modules=())


def test_files_are_proposed_by_where_they_lie_and_modules_by_themselves(content):
    found = proposal(content, "/etc/alias", "/usr/lib/plugin.so")
    assert found == Proposal(trusted=("/etc/app.conf",), modules=("/usr/lib/plugin.so",))
    assert tomllib.loads(found.toml()) == {"files": {"trusted": ["/etc/app.conf"], "modules": ["/usr/lib/plugin.so"]}}


def test_many_files_of_one_directory_are_proposed_together_with_the_modules_in_it(content):
    opened = [f"/usr/lib/python/deep/{number}.py" for number in range(9)]
    found = proposal(content, *opened, "/usr/lib/python/deep/module.so")
    assert found == Proposal(trusted=("/usr/lib/python/deep",), modules=())
    assert proposal(content, *opened[:3]).trusted == tuple(sorted(opened[:3]))
