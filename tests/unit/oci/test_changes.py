"""Layers from strangers: each attack takes a good layer and changes one thing."""

import pytest

from caisson.errors import ImageRejected
from caisson.oci import Limits, tar
from caisson.oci.changes import read_changes


def test_a_good_layer_is_read(workshop):
    changes = read_changes(workshop.layer("etc/", ("etc/a", b"1"), "etc/b => etc/a", "c -> /etc/a", "d/.wh.x"))
    assert changes.entries["etc/b"].content.read() == b"1"
    assert changes.removed == {"d/x"}


def test_directories_may_be_repeated(workshop):
    again = tar.Entry(path="a", kind=tar.Kind.DIRECTORY, mode=0o700)
    assert read_changes(workshop.layer("a/", "a/f", again)).entries["a"].mode == 0o700


@pytest.mark.parametrize(
    "members",
    [
        ["a", ("a", b"other")],
        ["a", "./a"],
        ["a/", "a -> /etc"],
        ["a -> ../../etc/passwd"],
        ["d/", "d/a -> b/../../../x"],
        ["a => nothing"],
        ["a => b", "b"],
        ["b/", "a => b"],
        ["a -> /etc", "a/passwd"],
        ["a/passwd", "a -> /etc"],
        ["a", "a/b"],
        ["a -> /etc", "a/.wh.passwd"],
        ["a -> /etc", "a/.wh..wh..opq"],
        ["a/.wh..wh..opq", "a"],
        ["a", ".wh.a"],
        [".wh.a", "a/.wh.b"],
        ["a/b/.wh.c", ".wh.a"],
        [".wh.a", "a/.wh..wh..opq"],
        [".wh.a", "a/b"],
        [".wh..wh..opq"],
        [".wh."],
        [".wh..."],
        [".wh.."],
        [".wh..wh.other"],
        [("", b"")],
    ],
    ids=lambda members: ", ".join(str(member) for member in members),
)
def test_a_layer_that_engines_would_understand_differently_is_refused(workshop, members):
    with pytest.raises(ImageRejected):
        read_changes(workshop.layer(*members))


def test_bookkeeping_of_aufs_is_ignored(workshop):
    changes = read_changes(workshop.layer(".wh..wh.aufs", ".wh..wh.plnk/1.2", "a"))
    assert (set(changes.entries), changes.removed) == ({"a"}, set())


def test_more_entries_than_the_limit_are_refused(workshop):
    with pytest.raises(ImageRejected, match="more than 4 entries"):
        read_changes(workshop.layer(*"abcde"), limits=Limits(entries=4))
