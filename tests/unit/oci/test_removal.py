"""Files taken out of an image for good: everything else stays as it was."""

import pytest

from caisson.errors import ImageRejected
from caisson.oci import FileLayer, FileSystem, Image, ImageConfig, Removal, append, fingerprint, tar, validate

SECRET = b"the canary sings in the dark"
KEPT = (
    tar.Entry(path="srv", kind=tar.Kind.DIRECTORY, mode=0o2751, uid=5, gid=6, mtime=7),
    tar.Entry(path="srv/null", kind=tar.Kind.CHARACTER_DEVICE, device=(1, 3), mode=0o666),
    tar.Entry(path="srv/link", kind=tar.Kind.SYMBOLIC_LINK, link="../secret/file"),
    tar.Entry(path="srv/fifo", kind=tar.Kind.FIFO),
    tar.Entry(path="srv/" + "ü" * 90, kind=tar.Kind.DIRECTORY, xattrs={"user.note": b"x\ny"}),
    tar.Entry(path="secrets", kind=tar.Kind.DIRECTORY),
    tar.Entry(path="secret", kind=tar.Kind.DIRECTORY),
)


def image(tmp_path, *layers):
    made = Image.build(ImageConfig(), ())
    for entries in layers:
        pieces = []
        for entry, content in entries:
            pieces += [tar.member(entry), content, tar.padding(len(content))]
        made = append(made, FileLayer.pack([*pieces, tar.end()], scratch=tmp_path), created_by="x")
    return made


def file(path, content=SECRET, **more):
    return tar.Entry(path=path, kind=tar.Kind.FILE, size=len(content), **more), content


def test_it_goes_out_of_every_layer_and_the_rest_stays(tmp_path):
    lower = [*((entry, b"") for entry in KEPT), file("secret/file"), file("secrets/file", b"of another directory")]
    upper = [
        file("secret/deep/file", b"longer than sixteen"),
        (tar.Entry(path="secret/.wh.file", kind=tar.Kind.FILE), b""),
    ]
    plain = image(tmp_path, lower, upper, [file("srv/other", b"untouched")])
    result = Removal(frozenset({"/secret"})).of(plain, scratch=tmp_path)
    validate(result)
    entries = [{entry.path: entry for entry in tar.read_archive(layer.archive())} for layer in result.layers]
    assert sorted(entries[0]) == sorted([*(entry.path for entry in KEPT), "secrets/file"])
    for entry in KEPT:
        assert entries[0][entry.path] == entry
    assert entries[1] == {}
    assert result.layers[2].diff_id == plain.layers[2].diff_id
    assert result.config.history == plain.config.history
    assert [each.path for each in FileSystem.of(result).walk("/secret")] == []


def test_a_file_and_what_hides_it_are_both_gone(tmp_path):
    plain = image(
        tmp_path,
        [file("a/key")],
        [(tar.Entry(path="a/.wh.key", kind=tar.Kind.FILE), b""), file("a/key2", b"another one of those")],
    )
    result = Removal(frozenset({"/a/key"})).of(plain, scratch=tmp_path)
    names = [entry.path for layer in result.layers for entry in tar.read_archive(layer.archive())]
    assert names == ["a/key2"]


def test_what_is_the_same_as_something_from_elsewhere_is_refused(tmp_path):
    plain = image(tmp_path, [file("srv/copy")])
    known = {fingerprint(next(tar.read_archive(plain.layers[0].archive())).content): "/app/main"}
    with pytest.raises(ImageRejected, match="`/srv/copy`, which is the same as `/app/main`"):
        Removal(frozenset({"/app"}), known).of(plain, scratch=tmp_path)


@pytest.mark.parametrize("through", [(), ("cache/again",)], ids=["at once", "by way of another link"])
def test_an_older_content_that_is_also_known_by_another_name_is_refused(tmp_path, through):
    names = [*through, "app/model"]
    targets = ["cache/blob", *through]
    links = [
        (tar.Entry(path=name, kind=tar.Kind.HARD_LINK, link=target), b"")
        for name, target in zip(names, targets, strict=True)
    ]
    newer = [file("app/model", b"version 2 of the model")]
    plain = image(tmp_path, [file("cache/blob", b"version 1 of the model"), *links], newer)
    assert FileSystem.of(plain).find("/app/model").content.size == len(b"version 2 of the model")
    with pytest.raises(ImageRejected, match="`/cache/blob`, which is the same as `/app/model`"):
        Removal(frozenset({"/app"})).of(plain, scratch=tmp_path)


def test_short_files_are_alike_by_chance(tmp_path):
    plain = image(tmp_path, [file("app/__init__.py", b"\n"), file("srv/__init__.py", b"\n")])
    result = Removal(frozenset({"/app"})).of(plain, scratch=tmp_path)
    assert [entry.path for entry in tar.read_archive(result.layers[0].archive())] == ["srv/__init__.py"]
