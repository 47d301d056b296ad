"""Attacks on a confidential image: one thing is changed, and it is named."""

from dataclasses import replace
from hashlib import sha256

import pytest

from caisson.conversion import MANIFEST, PREMAIN, SIGSTRUCT, verify_image
from caisson.enclave import SigningKey, sign
from caisson.errors import ImageChanged, ImageRejected
from caisson.oci import FileSystem, append, configure, tar
from caisson.protocol import ServerKeyHash


@pytest.fixture
def built(bench):
    return bench.convert()


def read(image, path):
    return FileSystem.of(image).find(path).content.read()


def reasons(image):
    with pytest.raises(ImageChanged) as caught:
        verify_image(image)
    return caught.value.reasons


def test_a_good_image_is_what_its_signer_signed(bench):
    pin = ServerKeyHash.of(b"x")
    built = bench.convert(key_server_pin=pin)
    verified = verify_image(built.image)
    assert (verified.mr_enclave, verified.mr_signer) == (built.mr_enclave, bench.key.mr_signer)
    assert (verified.isv_prod_id, verified.isv_svn, verified.debug) == (7, 3, False)
    assert (verified.runtime, verified.key_server_pin) == ("native", pin)


def test_a_changed_trusted_file_is_named(bench, built):
    (reason,) = reasons(bench.changed(built.image, "/usr/bin/hello", b"evil"))
    assert reason.startswith("trusted file `/usr/bin/hello`: its SHA-256 is ")


@pytest.mark.parametrize(
    "entry",
    [
        tar.Entry(path="usr/lib/.wh.libgreet.so", kind=tar.Kind.FILE),
        tar.Entry(path="usr/lib/libgreet.so", kind=tar.Kind.SYMBOLIC_LINK, link="ld.so"),
    ],
    ids=["gone", "bent"],
)
def test_a_trusted_file_that_is_not_there_is_named(bench, built, entry):
    (reason,) = reasons(append(built.image, bench.layer({}, (entry,)), created_by="an attacker"))
    assert reason == "trusted file `/usr/lib/libgreet.so`: it is missing, or replaced by a link"


def test_a_changed_premain_is_named(bench, built):
    (reason,) = reasons(bench.changed(built.image, PREMAIN, bench.premain + b"!"))
    assert reason.startswith("premain: its SHA-256 is ")


def test_a_changed_manifest_is_named(bench, built):
    raw = read(built.image, MANIFEST)
    (reason,) = reasons(bench.changed(built.image, MANIFEST, raw.replace(b'"--loud"', b'"--evil"')))
    assert reason.startswith("manifest: the enclave measures ")


def test_a_premain_that_the_manifest_was_adapted_to_is_a_changed_manifest(bench, built):
    premain = bench.premain[:-1] + b"!"
    raw = read(built.image, MANIFEST).replace(
        sha256(bench.premain).hexdigest().encode(), sha256(premain).hexdigest().encode()
    )
    image = bench.changed(bench.changed(built.image, MANIFEST, raw), PREMAIN, premain)
    (reason,) = reasons(image)
    assert reason.startswith("manifest: the enclave measures ")


def test_a_manifest_that_is_none_is_named(bench, built):
    assert reasons(bench.changed(built.image, MANIFEST, b"x = 1\n"))[0].startswith("manifest: ")


@pytest.mark.parametrize("position", [0, 200, 600, 1000, 1100, 1500])
def test_a_flipped_byte_of_the_sigstruct_is_named(bench, built, position):
    raw = bytearray(read(built.image, SIGSTRUCT))
    raw[position] ^= 1
    assert reasons(bench.changed(built.image, SIGSTRUCT, bytes(raw)))[0].startswith("SIGSTRUCT: ")


def test_a_cut_sigstruct_is_named(bench, built):
    assert reasons(bench.changed(built.image, SIGSTRUCT, read(built.image, SIGSTRUCT)[:-1]))[0].startswith(
        "SIGSTRUCT: "
    )


def test_a_sigstruct_for_another_manifest_is_named(bench, built):
    manifest = read(built.image, MANIFEST).replace(b"isvsvn = 3", b"isvsvn = 9")
    other = sign(bench.premain, manifest, bench.key, date="0000-00-00")
    found = reasons(bench.changed(built.image, SIGSTRUCT, other.encode()))
    assert found[0].startswith("manifest: the enclave measures ")
    assert found[1] == "SIGSTRUCT: its isv svn is 9; the manifest asks for 3"


def test_another_signer_is_not_hidden(bench, built):
    other = SigningKey.generate()
    raw = sign(bench.premain, read(built.image, MANIFEST), other, date="0000-00-00").encode()
    assert verify_image(bench.changed(built.image, SIGSTRUCT, raw)).mr_signer == other.mr_signer


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"entrypoint": ("/usr/bin/hello",)}, "premain alone"),
        ({"cmd": ("more",)}, "premain alone"),
        ({"env": ("LD_PRELOAD=/evil",)}, "`LD_PRELOAD`"),
        ({"user": "0:0"}, "`0:0`"),
    ],
)
def test_a_changed_configuration_is_named(built, change, word):
    (reason,) = reasons(configure(built.image, replace(built.image.config.run, **change)))
    assert reason.startswith("configuration: ")
    assert word in reason


def test_all_changes_are_named_at_once(bench, built):
    image = bench.changed(bench.changed(built.image, "/srv/page", b"other"), "/usr/bin/hello", b"evil")
    found = reasons(configure(image, replace(image.config.run, user="1")))
    assert [reason.split(":")[0] for reason in found] == [
        "trusted file `/srv/page`",
        "trusted file `/usr/bin/hello`",
        "configuration",
    ]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("uid = ", "insecure__use_host_env = true\nuid = ", "loader.insecure__use_host_env"),
        ("uid = ", 'env_src_file = "file:/env"\nuid = ', "loader.env_src_file"),
        ("max_threads", 'file_check_policy = "allow_all_but_log"\nmax_threads', "sgx.file_check_policy"),
        ("[sgx]", f'[fs.insecure__keys]\ndefault = "{"ab" * 16}"\n\n[sgx]', "fs.insecure__keys.default"),
    ],
)
def test_a_manifest_that_lets_the_host_choose_is_refused_whoever_signed_it(bench, built, old, new, where):
    raw = read(built.image, MANIFEST).replace(old.encode(), new.encode(), 1)
    sigstruct = sign(bench.premain, raw, bench.key, date="0000-00-00").encode()
    image = bench.changed(bench.changed(built.image, MANIFEST, raw), SIGSTRUCT, sigstruct)
    (reason,) = reasons(image)
    assert reason.startswith(f"manifest: {where}: ")


def test_a_plain_image_is_no_confidential_one(bench):
    with pytest.raises(ImageRejected, match="no confidential image"):
        verify_image(bench.plain())
