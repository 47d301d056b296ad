import pytest

from caisson.errors import ImageRejected
from caisson.oci import FileSystem, Limits, tar


def content(view, path):
    found = view.find(path)
    return None if found is None or found.content is None else found.content.read()


def test_upper_layers_win(workshop):
    view = workshop.files(workshop.layer(("a", b"old"), ("b", b"kept")), workshop.layer(("a", b"new")))
    assert (content(view, "/a"), content(view, "b")) == (b"new", b"kept")


def test_a_whiteout_removes_and_an_opaque_one_empties(workshop):
    view = workshop.files(
        workshop.layer("d/a", "d/b", "e/x", "e/sub/y", "f/g/h"),
        workshop.layer("d/.wh.a", "e/.wh..wh..opq", "e/new", ".wh.f"),
    )
    assert [found.path for found in view.walk()] == ["/d", "/d/b", "/e", "/e/new"]


def test_a_whiteout_counts_for_the_layers_below_only(workshop):
    view = workshop.files(workshop.layer("d/.wh.a", "none/.wh.x"), workshop.layer(("d/a", b"later")))
    assert content(view, "/d/a") == b"later"


def test_a_directory_that_comes_again_keeps_what_is_in_it(workshop):
    again = tar.Entry(path="d", kind=tar.Kind.DIRECTORY, mode=0o700)
    view = workshop.files(workshop.layer("d/a"), workshop.layer(again))
    assert view.find("/d/a") is not None
    assert view.find("/d").entry.mode == 0o700


def test_a_directory_replaces_a_link_and_a_file_replaces_a_directory(workshop):
    view = workshop.files(workshop.layer("run/", "var -> run", "x/y"), workshop.layer("var/", "var/a", ("x", b"flat")))
    assert [found.path for found in view.walk()] == ["/run", "/var", "/var/a", "/x"]


def test_a_layer_that_writes_through_a_link_of_another_layer_is_refused(workshop):
    """containerd would follow the link, Docker would replace it."""
    with pytest.raises(ImageRejected, match="layer 2: `lib/evil` lies below `lib`"):
        workshop.files(workshop.layer("lib -> usr/lib"), workshop.layer("lib/evil"))


LINK = ("other/", ("other/file", b"1"), "other/sub/", "other/sub/f", "dir -> other", "plain")


@pytest.mark.parametrize(
    ("members", "what"),
    [
        (["dir/.wh.file"], "a whiteout lies below `dir`"),
        (["dir/.wh..wh..opq"], "a whiteout lies below `dir`"),
        (["dir/sub/.wh.f"], "a whiteout lies below `dir`"),
        (["dir/.wh.nothing"], "a whiteout lies below `dir`"),
        (["plain/.wh.x"], "a whiteout lies below `plain`"),
        (["dir/.wh.file", "dir/"], "a whiteout lies below `dir`"),
        (["dir/sub/.wh.f", "dir/", "dir/sub/"], "a whiteout lies below `dir`"),
        (["dir/new", "dir/"], "what lies below `dir` comes before it"),
        (["plain/new", "plain/"], "what lies below `plain` comes before it"),
    ],
    ids=str,
)
def test_what_engines_do_below_a_link_of_another_layer_differs_and_is_refused(workshop, members, what):
    """Docker's overlay2 puts an empty directory in its place, Docker's vfs and umoci follow it."""
    with pytest.raises(ImageRejected, match=f"layer 2: {what}"):
        workshop.files(workshop.layer(*LINK), workshop.layer(*members))


@pytest.mark.parametrize(
    "members",
    [
        ["dir/", "dir/.wh.file", "dir/new"],
        ["dir/", "dir/.wh..wh..opq", "dir/new"],
        ["dir/", "dir/new", "dir/", "dir/.wh..wh..opq"],
    ],
    ids=str,
)
def test_a_directory_in_the_place_of_a_link_may_have_whiteouts_behind_it(workshop, members):
    """As layers have them where a link was replaced by a directory."""
    view = workshop.files(workshop.layer(*LINK), workshop.layer(*members))
    assert [found.path for found in view.walk("/dir")] == ["/dir/new"]
    assert content(view, "/other/file") == b"1"


def test_links_are_followed_inside_the_root(workshop):
    view = workshop.files(
        workshop.layer(
            ("usr/lib/real", b"!"), "lib -> usr/lib", "abs -> /lib/real", "usr/up -> ../lib", "hard => usr/lib/real"
        )
    )
    for path in ("/lib/real", "/abs", "/usr/up/real", "/../../lib/./real", "hard", "/lib/../lib/real"):
        assert content(view, path) == b"!", path
    assert view.find("/abs").path == "/usr/lib/real"
    assert view.find("/abs", follow=False).path == "/abs"
    assert view.find("lib/", follow=False).path == "/usr/lib"
    assert view.find("real", at="/lib").path == "/usr/lib/real"
    assert view.find("..", at="/usr/lib").path == "/usr"
    assert view.find("/").path == "/"


def test_links_in_circles_and_into_nothing_are_nothing(workshop):
    view = workshop.files(workshop.layer("a -> b", "b -> a", "c -> gone", "f"))
    for path in ("/a", "/c", "/gone", "/f/below", "/a/x"):
        assert view.find(path) is None


def test_entries_are_counted_over_all_layers(workshop):
    image = workshop.image(workshop.layer("a", "b"), workshop.layer("c", ".wh.a"))
    FileSystem.of(image, limits=Limits(entries=4))
    with pytest.raises(ImageRejected, match="more than"):
        FileSystem.of(image, limits=Limits(entries=3))


def test_walking_is_sorted_and_follows_nothing(workshop):
    view = workshop.files(workshop.layer("d/b", "d/a", "d/up -> /d", "e"))
    assert [found.path for found in view.walk("/d")] == ["/d/a", "/d/b", "/d/up"]
    assert list(view.walk("/e")) == list(view.walk("/none")) == []
