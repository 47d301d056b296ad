"""An image claims things about itself; each story makes one claim false."""

from dataclasses import replace

import pytest

from caisson.errors import ImageRejected
from caisson.oci import (
    Descriptor,
    Digest,
    FileLayer,
    Image,
    ImageConfig,
    MediaType,
    PackedLayer,
    Reference,
    RunConfig,
    append,
    configure,
    sink,
    validate,
)


def typed(layer, media_type):
    return replace(layer, descriptor=replace(layer.descriptor, media_type=media_type))


@pytest.fixture
def image(workshop):
    return append(workshop.image(env=("A=b",)), workshop.layer(("a", b"content")), created_by="test")


def test_what_is_built_is_valid_before_and_after_every_change(image, workshop):
    validate(image)
    changed = configure(append(image, workshop.layer("b"), created_by="more"), replace(image.config.run, user="7"))
    assert validate(changed).find("/b") is not None
    assert changed.config.run.user == "7"
    assert len(changed.config.history) == 2


def test_the_same_changes_give_the_same_digest(workshop):
    first, second = (append(workshop.image(), workshop.layer(("a", b"content")), created_by="test") for _ in range(2))
    assert first.digest == second.digest


def test_a_docker_image_becomes_an_oci_image_when_it_is_changed(image):
    docker = typed(image.layers[0], MediaType.DOCKER_LAYER_GZIP)
    assert Image.build(image.config, (docker,)).manifest.layers[0].media_type == MediaType.LAYER_GZIP


def test_a_history_that_does_not_fit_is_dropped_rather_than_stretched(image, workshop):
    odd = Image.build(replace(image.config, history=({"created_by": "x"}, {"created_by": "y"})), image.layers)
    with pytest.raises(ImageRejected, match="history"):
        validate(odd)
    assert append(odd, workshop.layer("b"), created_by="z").config.history == ()


CORRUPTIONS = {
    "a change that never reached the documents": lambda image: replace(
        received(image), config=replace(image.config, run=replace(image.config.run, user="1"))
    ),
    "documents of before the change": lambda image: replace(image, received=configure(image, RunConfig()).documents),
    "a layer that was left out": lambda image: replace(received(image), layers=()),
    "another layer": lambda image: replace(received(image), layers=(image.layers[0], image.layers[0])),
    "a history of more layers": lambda image: Image.build(
        replace(image.config, history=(*image.config.history, {"created_by": "x"})), image.layers
    ),
    "another system": lambda image: Image.build(replace(image.config, os="windows"), image.layers),
    "a layer of another diff ID": lambda image: replace(
        received(image), layers=(replace(image.layers[0], diff_id=Digest.of(b"other")),)
    ),
    "a layer of another size": lambda image: replace(
        received(image),
        layers=(replace(image.layers[0], descriptor=replace(image.layers[0].descriptor, size=1)),),
    ),
}


@pytest.mark.parametrize("corrupt", CORRUPTIONS.values(), ids=CORRUPTIONS)
@pytest.mark.parametrize("place", ["oci:{}/layout:v1", "oci-archive:{}/a.tar:v1", "docker-archive:{}/d.tar:a:v1"])
def test_an_image_that_a_change_has_corrupted_is_never_written(image, tmp_path, corrupt, place):
    bad, before = corrupt(image), set(tmp_path.iterdir())
    with pytest.raises(ImageRejected):
        sink(Reference.parse(place.format(tmp_path))).write(bad)
    assert set(tmp_path.iterdir()) == before
    sink(Reference.parse(place.format(tmp_path))).write(image)


def test_a_layer_that_can_be_understood_in_two_ways_is_not_put_on_top(image, workshop):
    with pytest.raises(ImageRejected, match="twice"):
        append(image, workshop.layer("a", "a"), created_by="test")


def with_layer(image, layer):
    return Image.build(image.config, (layer,))


def test_a_flipped_byte_in_a_blob_is_found(image):
    blob = image.layers[0].blob
    raw = bytearray(blob.path.read_bytes())
    raw[20] ^= 1
    blob.path.write_bytes(raw)
    with pytest.raises(ImageRejected):
        validate(image)


def test_a_blob_of_another_size_is_found(image):
    blob = image.layers[0].blob
    layer = replace(image.layers[0], blob=replace(blob, size=blob.size - 1))
    with pytest.raises(ImageRejected, match="its descriptor says"):
        validate(with_layer(image, layer))


def test_a_blob_that_goes_on_is_cut_off(image):
    layer = image.layers[0]
    short = replace(layer, descriptor=replace(layer.descriptor, size=layer.descriptor.size - 1))
    with pytest.raises(ImageRejected, match="larger than"):
        validate(with_layer(image, short))


def test_a_wrong_diff_id_is_found(image):
    layer = replace(image.layers[0], diff_id=Digest.of(b"other"))
    with pytest.raises(ImageRejected, match="unpacked layer has the digest"):
        validate(with_layer(image, layer))
    with pytest.raises(ImageRejected, match="unpacked layer has the digest"):
        layer.archive()


def test_an_archive_with_another_diff_id_is_not_compressed(workshop):
    with pytest.raises(ImageRejected, match="diff ID"):
        FileLayer.compress(workshop.archive("a"), scratch=workshop.scratch, diff_id=Digest.of(b""))


def test_a_layer_that_is_not_compressed_is_as_good(workshop):
    region = workshop.archive("a")
    descriptor = Descriptor(media_type=MediaType.LAYER, digest=region.digest(), size=region.size)
    layer = FileLayer(descriptor=descriptor, diff_id=region.digest(), blob=region, scratch=workshop.scratch)
    validate(Image.build(ImageConfig(), (layer,)))
    with pytest.raises(ImageRejected, match="not sha256"):
        replace(layer, diff_id=Digest.of(b"")).archive()


def test_a_layer_of_another_kind_is_refused_with_a_hint(image):
    layer = replace(typed(image.layers[0], "application/x-xz"), _unpacked={})
    with pytest.raises(ImageRejected, match="x-xz") as caught:
        layer.archive()
    assert "gzip" in caught.value.hint


def received(image, **documents):
    """Give an image as a place would that does not look at what it holds."""
    return replace(image, received=replace(image.documents, **documents))


@pytest.mark.parametrize("field", ["config", "manifest"])
def test_documents_that_were_exchanged_are_found(image, field):
    other = configure(image, replace(image.config.run, user="1"))
    validate(received(image))
    with pytest.raises(ImageRejected):
        validate(received(image, **{field: getattr(other.documents, field)}))


def test_layers_that_were_exchanged_are_found(image, workshop):
    with pytest.raises(ImageRejected, match="layers"):
        validate(replace(received(image), layers=(workshop.layer("x"),)))


def test_a_layer_in_the_making_is_like_one_that_is_made(workshop):
    members = ("etc/", ("etc/a", b"1" * 5_000_000))
    packed = PackedLayer.start(workshop.archive(*members), scratch=workshop.scratch)
    in_the_making, made = (workshop.image(layer) for layer in (packed, workshop.layer(*members)))
    assert in_the_making.digest == made.digest
    validate(in_the_making)


def test_a_layer_in_the_making_with_a_wrong_diff_id_is_refused_wherever_it_is_used(workshop):
    def start():
        return PackedLayer.start(workshop.archive("a"), scratch=workshop.scratch, diff_id=Digest.of(b"other"))

    for use in (lambda: start().archive(), lambda: start().descriptor, lambda: workshop.image(start()).digest):
        with pytest.raises(ImageRejected, match="diff ID"):
            use()


def test_an_image_for_another_system_is_refused(image):
    with pytest.raises(ImageRejected, match="windows"):
        validate(Image.build(replace(image.config, os="windows"), image.layers))
