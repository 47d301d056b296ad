"""What all layers of an image may cost together, whatever each of them has."""

from dataclasses import replace
from threading import Thread

import pytest

from caisson import oci
from caisson.errors import ImageRejected, Unavailable
from caisson.oci import Allowance, Limits
from caisson.oci.places.assemble import read_image


@pytest.fixture
def scratch(tmp_path):
    path = tmp_path / "scratch"
    path.mkdir()
    return path


@pytest.fixture
def three(workshop):
    """An image of three layers, each of 100,000 zeros, which pack well."""
    return workshop.image(*(workshop.layer((name, bytes(100_000))) for name in "abc"))


def read(image, scratch, asked=None, **limits):
    chosen = replace(image.manifest.config, media_type=image.manifest.media_type, digest=image.digest)
    documents = {image.digest: image.documents.manifest, image.manifest.config.digest: image.documents.config}

    def blobs(layers):
        if asked is not None:
            asked.extend(layers)
        return [layer.blob for layer in image.layers]

    return read_image(
        chosen, lambda each: documents[each.digest], blobs, scratch=scratch, limits=replace(Limits(), **limits)
    )


def test_layers_that_are_too_large_together_are_not_fetched(three, scratch):
    size, asked = sum(layer.descriptor.size for layer in three.layers), []
    assert read(three, scratch, size=size).digest == three.digest
    with pytest.raises(ImageRejected, match=f"^image has layers of {size} bytes, and at most {size - 1} are read$"):
        read(three, scratch, asked, size=size - 1)
    assert asked == []


def test_more_layers_than_the_limit_are_not_fetched(three, scratch):
    asked = []
    with pytest.raises(ImageRejected, match="more than 2 layers"):
        read(three, scratch, asked, layers=2)
    assert asked == []


def test_layers_that_unpack_to_too_much_together_are_given_up_on_the_way(three, scratch):
    unpacked = sum(layer.outline().archive.size for layer in three.layers)
    assert oci.FileSystem.of(read(three, scratch, size=unpacked)).find("/c") is not None
    before = set(scratch.iterdir())
    with pytest.raises(ImageRejected, match=f"image unpacks to more than {unpacked - 1} bytes"):
        oci.FileSystem.of(read(three, scratch, size=unpacked - 1))
    written = sum(path.stat().st_size for path in set(scratch.iterdir()) - before)
    assert written < unpacked, "what broke off is not left"


def test_threads_use_up_one_allowance():
    allowance = Allowance(8000, what="takes")
    threads = [Thread(target=lambda: [allowance.spend(1) for _ in range(1000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(ImageRejected, match=r"^image takes more than 8000 bytes$"):
        allowance.spend(1)


def test_its_time_is_over_at_one_moment():
    now = [100.0]
    allowance = Allowance(8, what="takes", seconds=60, clock=lambda: now[0])
    now[0] = 160.0
    allowance.spend()
    now[0] = 160.1
    with pytest.raises(Unavailable, match=r"^image takes longer than 60 seconds to read$"):
        allowance.spend()
