"""Every place that images live in keeps the same promises. An engine is one of them, for the system tests."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from caisson.errors import CaissonError, UsageError
from caisson.oci import (
    Access,
    FileLayer,
    Image,
    ImageConfig,
    Reference,
    RunConfig,
    append,
    configure,
    sink,
    source,
    tar,
    validate,
)
from tests.registry import HOST, IMPATIENT, MemoryRegistry

PLACES = {
    "layout": "oci:{}/layout:v1",
    "layout without tag": "oci:{}/layout",
    "OCI archive": "oci-archive:{}/oci.tar:v1",
    "OCI archive without tag": "oci-archive:{}/oci.tar",
    "Docker archive": "docker-archive:{}/docker.tar:app:v1",
    "Docker archive without name": "docker-archive:{}/docker.tar",
    "registry": f"docker://{HOST}/some/app:v1",
    "engine": "docker-daemon:caisson-contract:test",
}
FILES = {"etc/hello": b"hello\n", "usr/share/" + "long/" * 30 + "name": b"x" * 5000, "ünïcode": b""}


@dataclass
class Place:
    reference: Reference
    scratch: Path
    access: Access

    @property
    def is_engine(self):
        return self.reference.transport == "docker-daemon"

    @property
    def is_file(self):
        return self.reference.transport not in {"docker", "docker-daemon"}

    @property
    def file(self):
        """Where a place of files keeps its index."""
        path = Path(self.reference.location)
        return path / "index.json" if self.reference.transport == "oci" else path

    def write(self, image, **options):
        sink(self.reference, self.access).write(image, **options)

    def read(self):
        return source(self.reference, self.access).read(scratch=self.scratch)

    def remove(self):
        import httpx2

        socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=socket), base_url="http://docker") as client:
            client.delete(f"/images/{self.reference.location}", params={"force": "1"})


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.system] if name == "engine" else []) for name in PLACES],
)
def place(request, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    access = Access(transport=MemoryRegistry(), retry=IMPATIENT)
    place = Place(Reference.parse(PLACES[request.param].format(tmp_path)), scratch, access)
    if not place.is_engine:
        yield place
        return
    place.remove()
    yield place
    place.remove()


def layer(files, scratch):
    pieces = []
    for path, content in files.items():
        entry = tar.Entry(path=path, kind=tar.Kind.FILE, mode=0o640, uid=12, gid=34, size=len(content))
        pieces += [tar.member(entry), content, tar.padding(len(content))]
    return FileLayer.pack([*pieces, tar.end()], scratch=scratch)


@pytest.fixture
def image(tmp_path):
    scratch = tmp_path / "made"
    scratch.mkdir()
    run = RunConfig(entrypoint=("/etc/hello",), env=("A=b",), user="12:34", labels={"l": "ü"}, volumes=("/data",))
    plain = append(Image.build(ImageConfig(run=run), ()), layer(FILES, scratch), created_by="one")
    return append(plain, layer({"etc/.wh.hello": b"", "etc/other": b"2"}, scratch), created_by="two")


def other(image):
    return configure(image, replace(image.config.run, user="56"))


def test_what_is_written_is_read_back(place, image):
    place.write(image)
    back = place.read()
    files = validate(back)
    assert back.image_id == image.image_id
    assert back.config == image.config
    assert [each.diff_id for each in back.layers] == [each.diff_id for each in image.layers]
    assert files.find("/etc/hello") is None
    assert files.find("/usr/share/" + "long/" * 30 + "name").content.read() == b"x" * 5000
    assert (files.find("/ünïcode").entry.uid, files.find("/etc/other").entry.mode) == (12, 0o640)


def test_an_image_has_the_same_digest_everywhere(place, image):
    place.write(image)
    assert place.read().digest == image.digest


def test_the_same_layer_twice_is_fine(place, image):
    twice = append(image, image.layers[-1], created_by="again")
    place.write(twice)
    assert validate(place.read()).find("/etc/other") is not None


def test_nothing_is_overwritten_by_accident(place, image):
    place.write(image)
    with pytest.raises(UsageError) as caught:
        place.write(other(image))
    assert "`--force`" in caught.value.hint
    assert place.read().image_id == image.image_id
    place.write(other(image), overwrite=True)
    assert place.read().image_id == other(image).image_id


def test_what_is_not_there_is_a_usage_error(place):
    with pytest.raises(UsageError) as caught:
        place.read()
    assert caught.value.message


def test_writing_twice_gives_the_same_bytes(place, image):
    if not place.is_file:
        place.write(image)
        place.write(image)  # what is there already is no other image
        return
    place.write(image)
    first = place.file.read_bytes()
    place.write(image, overwrite=True)
    assert place.file.read_bytes() == first


class Interrupted(Exception):
    pass


def test_an_image_that_breaks_off_leaves_nothing(place, image, tmp_path):
    class Broken:
        """A layer whose source fails half-way."""

        def __init__(self, whole):
            self.descriptor, self.diff_id = whole.descriptor, whole.diff_id
            self._whole = whole

        def stored(self):
            yield next(iter(self._whole.stored()))[:100]
            raise Interrupted

        def checked(self):
            return None

        def archive(self):
            raise Interrupted

    broken = replace(image, layers=(image.layers[0], Broken(image.layers[1])))
    with pytest.raises((Interrupted, CaissonError)):
        place.write(broken)
    with pytest.raises(CaissonError):
        place.read()
    assert {path.name for path in tmp_path.iterdir()} == {"made", "scratch"}


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.6])
def test_a_file_that_was_cut_is_refused(place, image, fraction):
    if not place.is_file:
        return
    place.write(image)
    raw = place.file.read_bytes()
    place.file.write_bytes(raw[: int(len(raw) * fraction)])
    with pytest.raises(CaissonError):
        validate(place.read())


def test_a_flipped_byte_anywhere_is_refused_or_changes_nothing(place, image):
    if not place.is_file:
        return
    place.write(image)
    raw = place.file.read_bytes()
    for position in range(0, len(raw), max(1, len(raw) // 97)):
        place.file.write_bytes(raw[:position] + bytes([raw[position] ^ 0x20]) + raw[position + 1 :])
        try:
            back = place.read()
            validate(back)
        except CaissonError:
            continue
        assert back.image_id == image.image_id
