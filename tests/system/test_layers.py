"""Layers as a real engine applies them: what we read of an image is what its container has, or we refuse the image."""

import io
import random
import subprocess
import tarfile

import pytest

from caisson import oci
from caisson.errors import ImageRejected
from tests.unit.oci.conftest import Workshop

pytestmark = pytest.mark.slow

SEED, CASES = 20261126, 30
NAMES = ("a", "b", "c")
OF_THE_ENGINE = ("dev", "etc", "proc", "sys", ".dockerenv")


def docker(*words):
    return subprocess.run(["docker", *words], check=True, capture_output=True).stdout


def path(rng):
    return "/".join(rng.choice(NAMES) for _ in range(rng.choice((1, 1, 2, 2, 3))))


def member(rng):
    """Give one change of a layer at random; what layers have below a directory is seldom said without it."""
    where = path(rng)
    above, _, name = where.rpartition("/")
    below = f"{above}/" if above else ""
    return rng.choice(
        [
            f"{where}/",
            f"{where}/",
            (where, rng.randbytes(2)),
            f"{where} -> {path(rng)}",
            f"{below}.wh.{name}",
            f"{below}.wh.{name}",
            f"{below}.wh..wh..opq",
        ]
    )


def images():
    """Give images at random, without an end: first directories, files and links, then two layers of changes."""
    rng = random.Random(SEED)
    while True:
        layers = []
        for number in range(3):
            members = dict.fromkeys(member(rng) for _ in range(rng.randrange(2, 7)))
            if number == 0:
                members = [each for each in members if ".wh." not in each]
            layers.append([*members])
        yield layers


def seen_by_us(image):
    found = {}
    for each in oci.FileSystem.of(image).walk():
        kind = each.entry.kind
        what = each.entry.link if kind is oci.tar.Kind.SYMBOLIC_LINK else each.content and each.content.read()
        found[each.path.strip("/")] = (kind.name, what)
    return found


def seen_by_the_engine(image, name):
    oci.sink(oci.Reference.parse(f"docker-daemon:{name}")).write(image, overwrite=True)
    container = docker("create", name, "/none").decode().strip()
    found = {}
    with tarfile.open(fileobj=io.BytesIO(docker("export", container))) as tar:
        for each in tar:
            if each.name.strip("/").partition("/")[0] in OF_THE_ENGINE:
                continue
            if each.isdir():
                found[each.name.strip("/")] = ("DIRECTORY", None)
            elif each.issym():
                found[each.name] = ("SYMBOLIC_LINK", each.linkname)
            else:
                found[each.name] = ("FILE", tar.extractfile(each).read())
    docker("rm", container)
    docker("rmi", name)
    return found


def without_what_whiteouts_leave(engine, ours):
    """Leave out empty directories that only the engine has: it makes those above a whiteout of nothing."""
    return {path: what for path, what in engine.items() if path in ours or what[0] != "DIRECTORY"}


def test_what_we_read_is_what_a_container_has(tmp_path):
    workshop = Workshop(tmp_path)
    compared = refused = 0
    for layers in images():
        image = workshop.image(*(workshop.layer(*members) for members in layers), cmd=("/none",))
        try:
            ours = seen_by_us(image)
        except ImageRejected:
            refused += 1
            continue
        engine = seen_by_the_engine(image, "caisson-test/layers:1")
        assert without_what_whiteouts_leave(engine, ours) == ours, layers
        compared += 1
        if compared == CASES:
            break
    assert refused


@pytest.mark.parametrize("whiteout", ["dir/.wh.file", "dir/.wh..wh..opq"])
def test_a_whiteout_below_a_link_is_refused_because_the_engine_takes_the_link_away(tmp_path, whiteout):
    """What is behind the link stays here; Docker's vfs, Podman's and umoci keep the link, and remove what is behind."""
    workshop = Workshop(tmp_path)
    lower = workshop.layer("other/", ("other/file", b"1"), "dir -> other")
    image = workshop.image(lower, workshop.layer(whiteout), cmd=("/none",))
    with pytest.raises(ImageRejected, match="a whiteout lies below `dir`"):
        oci.FileSystem.of(image)
    engine = seen_by_the_engine(image, "caisson-test/whiteout:1")
    assert (engine["dir"], engine["other/file"]) == (("DIRECTORY", None), ("FILE", b"1"))
