import pytest

from caisson.errors import UsageError
from caisson.oci import Reference
from caisson.oci.reference import familiar

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oci:dir", ("oci", "dir", "")),
        ("oci:/a/b:v1", ("oci", "/a/b", "v1")),
        ("oci:dir:docker.io/library/redis:7", ("oci", "dir", "docker.io/library/redis:7")),
        ("oci-archive:f.tar:v1", ("oci-archive", "f.tar", "v1")),
        ("docker-archive:f.tar", ("docker-archive", "f.tar", "")),
        ("docker-archive:f.tar:redis", ("docker-archive", "f.tar", "redis:latest")),
        ("docker-daemon:redis:7", ("docker-daemon", "redis:7", "")),
        ("docker-daemon:sha256:" + "0" * 64, ("docker-daemon", "sha256:" + "0" * 64, "")),
        ("redis", ("docker-daemon", "redis:latest", "")),
        ("redis:7", ("docker-daemon", "redis:7", "")),
        ("localhost:5000/a/b", ("docker-daemon", "localhost:5000/a/b:latest", "")),
        ("docker://redis", ("docker", "docker.io/library/redis:latest", "")),
        ("docker://localhost:5000/a/b", ("docker", "localhost:5000/a/b:latest", "")),
        ("docker://h.test/a@" + DIGEST, ("docker", "h.test/a@" + DIGEST, "")),
        ("docker://h.test/a:v@" + DIGEST, ("docker", "h.test/a:v@" + DIGEST, "")),
        ("rootfs:./x:y", ("rootfs", "./x:y", "")),
    ],
)
def test_references_are_read(text, expected):
    reference = Reference.parse(text)
    assert (reference.transport, reference.location, reference.tag) == expected
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    ["", "oci:", "oci::tag", "./dir", "/dir", "Redis", "a b", "docker-daemon:", "oci:d:-x", "a/../b"],
)
def test_what_is_no_reference_is_refused_with_a_list_of_those_that_are(text):
    with pytest.raises(UsageError) as caught:
        Reference.parse(text)
    assert "`oci:…`" in caught.value.hint


def test_names_are_compared_as_docker_shows_them():
    assert familiar("docker.io/library/redis:7") == familiar("redis:7") == "redis:7"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("./image.tar", "for the image in this file write `docker-archive:./image.tar` or `oci-archive:./image.tar`"),
        (
            "./layout",
            "for the image in this directory write `oci:./layout`, or `rootfs:./layout` for a plain file system",
        ),
        ("./nothing", "write `docker://"),
        ("/" + "x" * 4096, "write `docker://"),  # longer than any path
    ],
)
def test_a_path_alone_is_no_reference_and_the_right_one_is_told(tmp_path, monkeypatch, name, hint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "image.tar").touch()
    (tmp_path / "layout").mkdir()
    with pytest.raises(UsageError, match="no reference to an image") as refused:
        Reference.parse(name)
    assert (refused.value.hint or "").startswith(hint)
