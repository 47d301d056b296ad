"""Signing later, signing again, pinning: what changes is what was asked for, and nothing that was changed is signed."""

import json
from dataclasses import replace

import pytest

from caisson.conversion import (
    MANIFEST,
    PREMAIN,
    SIGSTRUCT,
    UNSIGNED,
    Recipe,
    SigningRequest,
    attach_detached,
    open_prepared,
    pin,
    prepare,
    verify_image,
)
from caisson.enclave import SigningKey
from caisson.errors import ImageChanged, ImageRejected, Malformed, SignatureRejected
from caisson.oci import FileSystem, append, configure, tar, validate
from caisson.protocol import ServerKeyHash

PIN = ServerKeyHash.of(b"a server")


@pytest.fixture
def prepared(bench):
    return prepare(bench.plain(), Recipe.parse(bench.recipe.encode()), premain=bench.premain, scratch=bench.scratch)


@pytest.fixture(scope="session")
def other():
    return SigningKey.generate()


def read(image, path):
    found = FileSystem.of(image).find(path)
    return None if found is None else found.content.read()


def test_an_unsigned_image_is_not_mistaken_for_a_signed_one(prepared):
    files = validate(prepared.image)
    assert files.find(SIGSTRUCT) is None
    assert files.find(UNSIGNED).content.read()[128:512] == bytes(384)
    with pytest.raises(ImageRejected, match="not signed yet"):
        verify_image(prepared.image)


def test_an_unsigned_sigstruct_under_the_other_name_is_no_signature(bench, prepared):
    image = bench.changed(prepared.image, SIGSTRUCT, read(prepared.image, UNSIGNED))
    with pytest.raises(ImageChanged, match="key that is not RSA-3072"):
        verify_image(image)


def test_a_signed_image_with_an_unsigned_sigstruct_beside_is_refused(bench, prepared):
    built = bench.convert()
    with pytest.raises(ImageChanged, match="unsigned one beside"):
        verify_image(bench.changed(built.image, UNSIGNED, read(prepared.image, UNSIGNED)))


def test_signing_later_gives_the_image_that_signing_at_once_gives(bench, prepared):
    later = open_prepared(prepared.image, scratch=bench.scratch).sign(bench.key)
    assert later.image.documents == bench.convert().image.documents


def test_signing_again_changes_the_sigstruct_and_nothing_else(bench, other):
    first = bench.convert().image
    again = open_prepared(first, scratch=bench.scratch).sign(other)
    assert verify_image(again.image).mr_signer == other.mr_signer
    assert again.image.layers[:-1] == first.layers[:-1]
    assert again.image.config == first.config
    assert files(again.image).keys() == files(first).keys()
    assert {path for path, content in files(first).items() if content != files(again.image)[path]} == {SIGSTRUCT}
    assert open_prepared(again.image, scratch=bench.scratch).sign(bench.key).image.documents == first.documents


def test_a_pin_changes_what_a_build_with_it_would_change(bench):
    published = bench.convert().image
    pinned = pin(open_prepared(published, scratch=bench.scratch), PIN).sign(bench.key)
    assert pinned.image.documents == bench.convert(key_server_pin=PIN).image.documents
    assert pinned.image.layers[:-1] == published.layers[:-1]
    assert verify_image(pinned.image).key_server_pin == PIN
    repinned = pin(open_prepared(pinned.image, scratch=bench.scratch), ServerKeyHash.of(b"another")).sign(bench.key)
    assert verify_image(repinned.image).key_server_pin == ServerKeyHash.of(b"another")


def test_the_date_of_the_recipe_stays(bench):
    recipe = bench.recipe.replace("isv_svn = 3", 'isv_svn = 3\ndate = "2026-11-25"')
    built = bench.convert(recipe=recipe).image
    assert open_prepared(built, scratch=bench.scratch).unsigned.date == "20261125"


@pytest.mark.parametrize("path", ["/usr/bin/hello", PREMAIN, MANIFEST])
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_what_was_changed_is_not_signed(bench, prepared, path, signed):
    image = bench.convert().image if signed else prepared.image
    content = read(image, path)
    changed = content.replace(b"isvsvn = 3", b"isvsvn = 9") if path == MANIFEST else content + b"!"
    with pytest.raises(ImageChanged):
        open_prepared(bench.changed(image, path, changed), scratch=bench.scratch)


@pytest.mark.parametrize(
    "change",
    [{"isv_svn": 9}, {"vendor": 0x8086}, {"sw_defined": 7}, {"modulus": b"\1" * 384}],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_unsigned_sigstruct_is_not_signed(bench, prepared, change):
    raw = replace(prepared.unsigned, **change).encode()
    with pytest.raises(ImageChanged):
        open_prepared(bench.changed(prepared.image, UNSIGNED, raw), scratch=bench.scratch)


def test_a_file_that_nobody_measures_is_not_signed_along(bench):
    image = bench.changed(bench.convert().image, "/usr/share/more", b"more")
    verify_image(image)
    with pytest.raises(ImageRejected, match="topmost layer"):
        open_prepared(image, scratch=bench.scratch)


def test_a_whiteout_in_the_topmost_layer_is_not_signed_along(bench):
    built = bench.convert().image
    names = {path: read(built, path) for path in (MANIFEST, SIGSTRUCT)}
    layer = bench.layer(
        {path.removeprefix("/"): content for path, content in names.items()},
        (tar.Entry(path=".caisson", kind=tar.Kind.DIRECTORY), tar.Entry(path="usr/bin/.wh.other", kind=tar.Kind.FILE)),
    )
    with pytest.raises(ImageRejected, match="topmost layer"):
        open_prepared(append(built, layer, created_by="x"), scratch=bench.scratch)


def test_a_plain_image_is_not_signed(bench):
    with pytest.raises(ImageRejected, match="no confidential image"):
        open_prepared(bench.plain(), scratch=bench.scratch)


class Desk:
    """A request that was exported, and its signature by a key that is elsewhere."""

    def __init__(self, bench, prepared):
        self.image, self.prepared, self.key = prepared.image, prepared, bench.key
        self.request = SigningRequest.of(self.image, prepared)
        self.signature = bench.key.sign(self.request.to_be_signed)

    def attach(self, **changed):
        given = {"image": self.image, "prepared": self.prepared, "modulus": self.key.modulus}
        given |= {"signature": self.signature, "request": self.request} | changed
        return attach_detached(given.pop("request"), given.pop("image"), given.pop("prepared"), **given)


@pytest.fixture
def desk(bench, prepared):
    return Desk(bench, prepared)


def test_a_request_says_what_it_is(desk):
    said = json.loads(desk.request.description)
    assert said["image"] == str(desk.image.digest)
    assert said["mrenclave"] == str(desk.prepared.mr_enclave)
    assert (said["isv_prod_id"], said["isv_svn"], said["debug"]) == (7, 3, False)
    assert len(desk.request.to_be_signed) == 256


def test_a_good_signature_is_attached(desk, bench):
    assert desk.attach().image.documents == bench.convert().image.documents


@pytest.mark.parametrize("what", ["signature", "key", "message"])
def test_a_signature_that_does_not_fit_is_refused(desk, other, what):
    changed = {
        "signature": {"signature": desk.signature[:-1] + bytes([desk.signature[-1] ^ 1])},
        "key": {"modulus": other.modulus},
        "message": {"signature": desk.key.sign(b"something else")},
    }
    with pytest.raises(SignatureRejected):
        desk.attach(**changed[what])


def test_an_image_that_was_changed_meanwhile_is_refused(desk, bench):
    """Even where nothing measured was changed."""
    image = configure(desk.image, replace(desk.image.config.run, labels={"x": "y"}))
    with pytest.raises(ImageChanged, match="`image` was exported as") as caught:
        desk.attach(image=image, prepared=open_prepared(image, scratch=bench.scratch))
    assert len(caught.value.reasons) == 1


def test_a_request_for_another_enclave_is_refused(desk, bench):
    image = pin(desk.prepared, PIN).image
    with pytest.raises(ImageChanged) as caught:
        desk.attach(image=image, prepared=open_prepared(image, scratch=bench.scratch))
    assert [reason.split("`")[1] for reason in caught.value.reasons[:-1]] == ["image", "mrenclave", "sha256"]
    assert caught.value.reasons[-1] == "the exported bytes are not those of this image"


def test_changed_bytes_are_refused_though_their_signature_fits(desk):
    forged = desk.request.to_be_signed[:-1] + b"\1"
    with pytest.raises(ImageChanged, match="exported bytes"):
        desk.attach(request=replace(desk.request, to_be_signed=forged), signature=desk.key.sign(forged))


@pytest.mark.parametrize("description", [b"", b"[]", b'{"a":1,"a":2}'])
def test_a_description_that_is_none_is_refused(desk, description):
    with pytest.raises(Malformed):
        desk.attach(request=replace(desk.request, description=description))


def files(image):
    view = FileSystem.of(image)
    return {found.path: found.content.read() for found in view.walk("/") if found.content is not None}
