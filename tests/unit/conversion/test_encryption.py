"""Encrypted files: what the cloud must not read is nowhere in the result, and what is there is bound and measured."""

import gzip
import io
import os
import tarfile
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.conversion import Recipe, convert, open_prepared, verify_image
from caisson.conversion.encryption import encrypt_files, without_plain
from caisson.conversion.measured import Measured
from caisson.enclave import SigningKey
from caisson.enclave.protected_files import FileKey, Reader
from caisson.errors import ImageChanged, ImageRejected, Malformed, UsageError
from caisson.oci import FileLayer, FileSystem, Image, ImageConfig, append, tar
from tests.unit.conversion import test_gramine as gramine
from tests.unit.conversion.conftest import PREMAIN, RECIPE

runtime = gramine.runtime

KEYS = {"code": FileKey(b"0123456789abcdef")}
CANARY = b"the canary sings in the dark: " * 9
OLD = b"the canary that sang before it: " * 9
APP = {"app/main.py": CANARY, "app/deep/er/module.py": CANARY[:-1], "app/__init__.py": b""}
ENCRYPTED = """
tmpfs = ["/run/caisson", "/app"]
[[encrypted_file]]
path = "/app"
key = "code"
[provision]
fs_keys = { code = "code-key" }
"""


def recipe_with(recipe, more=ENCRYPTED):
    head, _, tables = more.partition("[[")
    return recipe.replace("\n[application]", f"{head}\n[application]", 1) + "[[" + tables


@pytest.fixture
def plain(bench):
    """An image whose lower layer has an older version of what the upper one has."""
    image = append(bench.plain(), bench.layer({"app/main.py": OLD, "app/gone.py": OLD}), created_by="old")
    removed = tar.Entry(path="app/.wh.gone.py", kind=tar.Kind.FILE)
    return append(image, bench.layer(APP, (removed,), 0o755), created_by="new")


def opened(image, key="code"):
    """Open what is under a key, as premain does."""
    path = f"/.caisson/encrypted/{key}"
    raw = FileSystem.of(image).find(path).content.read()
    content = b"".join(Reader(io.BytesIO(raw), KEYS[key], path=path).blocks())
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {each.name: (each.mode, archive.extractfile(each).read()) for each in archive}


def everything(image):
    yield image.documents.config
    yield image.documents.manifest
    for layer in image.layers:
        yield b"".join(layer.chunks())
        yield layer.archive().read()


def test_the_plain_text_is_in_no_layer_however_deep(bench, plain):
    assert sum(CANARY in each or OLD in each for each in everything(plain)) >= 2
    built = bench.convert(plain, recipe_with(bench.recipe), file_keys=KEYS)
    for each in everything(built.image):
        for secret in (CANARY[:60], OLD[:60], b"main.py", b"gone.py", b"module.py"):
            assert secret not in each
            assert gzip.compress(secret, mtime=0)[10:30] not in each
    assert opened(built.image) == {name: (0o755, content) for name, content in APP.items()}


def test_layers_that_never_had_it_stay_as_they_are(bench, plain):
    built = bench.convert(plain, recipe_with(bench.recipe), file_keys=KEYS)
    assert built.image.layers[0].diff_id == plain.layers[0].diff_id
    assert [layer.diff_id for layer in built.image.layers[1:3]] != [layer.diff_id for layer in plain.layers[1:3]]
    below = without_plain(plain, Recipe.parse(recipe_with(bench.recipe).encode()), scratch=bench.scratch)
    assert [layer.diff_id for layer in built.image.layers[:3]] == [layer.diff_id for layer in below.layers]


@pytest.mark.parametrize("place", ["srv/copy", "usr/share/old"])
def test_a_copy_elsewhere_in_clear_is_refused(bench, plain, place):
    content = CANARY if place == "srv/copy" else OLD
    copied = append(plain, bench.layer({place: content}), created_by="copy")
    gone = tar.Entry(path=f"{place.rpartition('/')[0]}/.wh.{place.rpartition('/')[2]}", kind=tar.Kind.FILE)
    hidden = append(copied, bench.layer({}, (gone,)), created_by="hidden in a layer below")
    for image in (copied, hidden):
        with pytest.raises(ImageRejected, match=f"`/{place}`, which is the same as `/app/"):
            bench.convert(image, recipe_with(bench.recipe), file_keys=KEYS)


def test_another_name_of_the_same_file_is_refused(bench):
    link = tar.Entry(path="srv/hard", kind=tar.Kind.HARD_LINK, link="app/main.py")
    entry = tar.Entry(path="app/main.py", kind=tar.Kind.FILE, size=len(CANARY))
    pieces = [tar.member(entry), CANARY, tar.padding(len(CANARY)), tar.member(link), tar.end()]
    layer = FileLayer.pack(pieces, scratch=bench.scratch)
    with pytest.raises(ImageRejected, match=r"`/srv/hard`, which is the same as `/app/main.py`"):
        bench.convert(append(bench.plain(), layer, created_by="x"), recipe_with(bench.recipe), file_keys=KEYS)


def test_the_same_input_gives_the_same_bytes_and_another_key_or_content_does_not(bench, plain):
    one, two = (bench.convert(plain, recipe_with(bench.recipe), file_keys=KEYS) for _ in range(2))
    assert one.image.digest == two.image.digest
    other = bench.convert(plain, recipe_with(bench.recipe), file_keys={"code": FileKey(bytes(16))})
    changed = append(plain, bench.layer({"app/main.py": CANARY + b"!"}), created_by="newer")
    newer = bench.convert(changed, recipe_with(bench.recipe), file_keys=KEYS)
    assert len({each.mr_enclave for each in (one, other, newer)}) == 3


def test_it_is_measured_and_premain_is_told(bench, plain):
    built = bench.convert(plain, recipe_with(bench.recipe), file_keys=KEYS)
    verified = verify_image(built.image)
    assert verified.encrypted_files == ("code",)
    assert "file:/.caisson/encrypted/code" in {file.uri for file in verified.manifest.sgx.trusted_files}
    assert verified.measured("CAISSON_ENCRYPTED") == "code"


def test_a_changed_byte_is_named(bench, plain):
    built = bench.convert(plain, recipe_with(bench.recipe), file_keys=KEYS)
    raw = bytearray(FileSystem.of(built.image).find("/.caisson/encrypted/code").content.read())
    raw[5000] ^= 1
    with pytest.raises(ImageChanged, match=r"trusted file `/.caisson/encrypted/code`"):
        verify_image(bench.changed(built.image, "/.caisson/encrypted/code", bytes(raw)))


def test_plain_text_where_encrypted_files_should_be_is_named_whoever_signed_it(bench, plain):
    """A publisher who says that files are encrypted, and puts plain ones there, is found out."""
    built = bench.convert(plain, recipe_with(bench.recipe), file_keys=KEYS)
    prepared = open_prepared(built.image, scratch=bench.scratch)
    image = bench.changed(prepared.body, "/.caisson/encrypted/code", CANARY)
    files = tuple(
        replace(file, sha256=sha256(CANARY).hexdigest()) if file.uri.endswith("/encrypted/code") else file
        for file in prepared.manifest.sgx.trusted_files
    )
    manifest = replace(prepared.manifest, sgx=replace(prepared.manifest.sgx, trusted_files=files))
    unsigned = Measured(pal=PREMAIN).sigstruct(manifest.encode(), date="0000-00-00")
    forged = replace(prepared, body=image, manifest=manifest, unsigned=unsigned).sign(SigningKey.generate())
    with pytest.raises(ImageChanged) as caught:
        verify_image(forged.image)
    (reason,) = caught.value.reasons
    assert reason.startswith("encrypted files `code`: no encrypted file")


def test_it_can_be_signed_and_pinned_by_others_without_the_key(bench, plain):
    built = bench.convert(plain, recipe_with(bench.recipe), file_keys=KEYS)
    again = open_prepared(built.image, scratch=bench.scratch).sign(SigningKey.generate())
    assert again.mr_enclave == built.mr_enclave
    assert verify_image(again.image).encrypted_files == ("code",)


def test_under_gramine_it_is_a_trusted_file_too(tmp_path, runtime, key):
    image = gramine.make(tmp_path)
    entries = []
    for name, content in APP.items():
        entry = tar.Entry(path=name, kind=tar.Kind.FILE, size=len(content))
        entries += [tar.member(entry), content, tar.padding(len(content))]
    layer = FileLayer.pack([*entries, tar.end()], scratch=tmp_path)
    text = recipe_with(gramine.RECIPE.replace('fs_keys = { data = "data-key" }', "").replace("[provision]", ""))
    text = text.replace('{ code = "code-key" }', '{ code = "code-key", data = "data-key" }')
    parsed = Recipe.parse(text.encode())
    built = convert(
        append(image, layer, created_by="x"),
        parsed,
        signer=key,
        premain=PREMAIN,
        scratch=tmp_path,
        runtime=runtime,
        file_keys=KEYS,
    )
    assert verify_image(built.image).encrypted_files == ("code",)
    assert all(CANARY[:60] not in each for each in everything(built.image))
    assert opened(built.image)["app/main.py"] == (0o755, CANARY)


def beside(tmp_path, bench, more='from = "app"', key="code"):
    text = recipe_with(bench.recipe, ENCRYPTED.replace('key = "code"\n', f'key = "{key}"\n{more}\n'))
    return Recipe.parse(text.encode(), folder=tmp_path)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app" / "deep").mkdir(parents=True)
    (tmp_path / "app" / "main.py").write_bytes(CANARY)
    (tmp_path / "app" / "deep" / "tool").write_bytes(OLD)
    (tmp_path / "app" / "deep" / "tool").chmod(0o700)
    return tmp_path


def build(bench, recipe, image=None):
    return convert(
        image or bench.plain(), recipe, signer=bench.key, premain=PREMAIN, scratch=bench.scratch, file_keys=KEYS
    )


def test_files_beside_the_recipe_are_encrypted_and_their_umask_does_not_count(bench, folder):
    first = build(bench, beside(folder, bench))
    assert opened(first.image) == {"app/main.py": (0o444, CANARY), "app/deep/tool": (0o555, OLD)}
    (folder / "app" / "main.py").chmod(0o640)
    os.utime(folder / "app" / "main.py", (1, 1))
    assert build(bench, beside(folder, bench)).image.digest == first.image.digest


def test_what_lies_beside_the_recipe_must_not_be_in_the_image_in_clear(bench, folder):
    image = append(bench.plain(), bench.layer({"srv/main.py": CANARY}), created_by="x")
    with pytest.raises(ImageRejected, match=r"`/srv/main.py`, which is the same as `/app/main.py`"):
        build(bench, beside(folder, bench), image)


def test_links_that_lead_out_are_refused(bench, folder):
    (folder / "app" / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="cannot be encrypted"):
        build(bench, beside(folder, bench))


def test_links_in_the_image_become_files_or_are_refused(bench):
    def image(target):
        link = tar.Entry(path="app/link", kind=tar.Kind.SYMBOLIC_LINK, link=target)
        return append(bench.plain(), bench.layer(APP, (link,)), created_by="x")

    built = bench.convert(image("deep/er/module.py"), recipe_with(bench.recipe), file_keys=KEYS)
    assert opened(built.image)["app/link"] == (0o755, CANARY[:-1])
    for target in ("deep", "nowhere"):
        with pytest.raises(UsageError, match="`/app/link` cannot be encrypted"):
            bench.convert(image(target), recipe_with(bench.recipe), file_keys=KEYS)


def test_without_its_key_nothing_is_built(bench, plain):
    with pytest.raises(UsageError, match="under the key `code`, which is not given") as caught:
        bench.convert(plain, recipe_with(bench.recipe))
    assert "--file-key code=" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('path = "/app"\nkey', 'path = "/nowhere"\nkey'), "lies in no `tmpfs`"),
        (('"/app"]', '"/app", "/var/run/x"]'), None),
        (('path = "/app"\nkey', 'path = "/.caisson/x"\nkey'), "lies below"),
        (("code = ", "other = "), "encrypts under the key `code`"),
        (("{ code", '{ data = "x", code'), "encrypts nothing under it"),
        (("[provision]", '[[encrypted]]\npath = "/d"\nkey = "code"\n[provision]'), "for a mount and for files"),
        (("[provision]", '[[encrypted_file]]\npath = "/app/x"\nkey = "code"\n[provision]'), "one holds the other"),
        (('key = "code"\n', 'key = "code"\nfrom = "nothing-there"\n'), "does not lie beside the recipe"),
        (('key = "code"\n', 'key = "code"\nfrom = "../x"\n'), "does not lie beside the recipe"),
    ],
)
def test_recipes_that_say_it_wrongly_are_refused(bench, tmp_path, change, said):
    text = recipe_with(bench.recipe, ENCRYPTED.replace(*change)).encode()
    if said is None:
        assert Recipe.parse(text, folder=tmp_path).file_keys == {"code": "code-key"}
        return
    with pytest.raises(Malformed, match=said):
        Recipe.parse(text, folder=tmp_path)


def test_an_image_without_the_files_is_refused(bench):
    with pytest.raises(UsageError, match="the image has no `/app` to encrypt"):
        bench.convert(bench.plain(), recipe_with(bench.recipe), file_keys=KEYS)


def test_a_path_behind_a_link_is_refused(bench, plain):
    link = tar.Entry(path="opt", kind=tar.Kind.SYMBOLIC_LINK, link="app")
    image = append(plain, bench.layer({}, (link,)), created_by="x")
    text = recipe_with(bench.recipe, ENCRYPTED.replace("/app", "/opt"))
    with pytest.raises(UsageError, match="`/opt` is `/app`, behind a link"):
        bench.convert(image, text, file_keys=KEYS)


@settings(max_examples=25, deadline=None)
@given(
    files=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}(/[a-zA-Zé ]{1,120}){0,2}\.x", fullmatch=True), st.binary(max_size=9000), max_size=6
    )
)
def test_any_files_come_back_as_they_were(tmp_path_factory, files):
    scratch = tmp_path_factory.mktemp("x")
    pieces = []
    for name, content in files.items():
        entry = tar.Entry(path=f"app/{name}", kind=tar.Kind.FILE, mode=0o640, size=len(content))
        pieces += [tar.member(entry), content, tar.padding(len(content))]
    pieces += [tar.member(tar.Entry(path="app", kind=tar.Kind.DIRECTORY)), tar.end()]
    image = append(Image.build(ImageConfig(), ()), FileLayer.pack(pieces, scratch=scratch), created_by="x")
    recipe = Recipe.parse(recipe_with(RECIPE).encode())
    found = encrypt_files(image, recipe, KEYS, scratch=scratch)
    (file,) = found.files
    with file.content.path.open("rb") as raw:
        content = b"".join(Reader(raw, KEYS["code"], path=file.path).blocks())
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        back = {each.name.removeprefix("app/"): archive.extractfile(each).read() for each in archive}
    assert back == files
    assert [entry.path for entry in tar.read_archive(found.image.layers[0].archive())] == ["app"]
