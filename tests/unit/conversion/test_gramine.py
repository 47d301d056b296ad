"""An image for Gramine: what is added, trusted and started, and what is refused."""

from dataclasses import replace

import pytest

from caisson.conversion import Content, Recipe, convert, open_prepared, pin, verify_image
from caisson.conversion.places import DIRECT_MANIFEST, MANIFEST, PREMAIN, SGX_ENTRYPOINT, SIGSTRUCT
from caisson.conversion.runtime import find_release
from caisson.enclave import Libc, Manifest, SigningKey, measure
from caisson.errors import ImageChanged, UsageError
from caisson.oci import FileLayer, Image, ImageConfig, RunConfig, append, configure, tar
from caisson.protocol import ServerKeyHash
from tests.unit.conversion.conftest import PREMAIN as AGENT
from tests.unit.conversion.conftest import RECIPE, elf
from tests.unit.conversion.runtime.conftest import PREFIX, install

GLIBC = b"GNU C Library (Debian) stable release version 2.36.\n"
LD, LIB = "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu"
RECIPE = (
    RECIPE.replace('volumes = ["/data"]', "")
    + """
[[encrypted]]
path = "/data"
key = "data"
[provision]
fs_keys = { data = "data-key" }
"""
)
FILES = {
    "usr/bin/hello": elf(interpreter=LD, needed=("libgreet.so.1", "libc.so.6"), content=b"hello"),
    "usr/lib64/ld-linux-x86-64.so.2": elf(content=b"loader"),
    "usr/lib/x86_64-linux-gnu/libc.so.6": elf(content=GLIBC),
    "usr/lib/x86_64-linux-gnu/libgreet.so.1.2": elf(needed=("libc.so.6",), content=b"greet"),
    "usr/lib/x86_64-linux-gnu/libgcc_s.so.1": elf(content=b"unwinder"),
    "usr/lib/hello/plugin.so": elf(needed=("libextra.so",), content=b"plugin"),
    "usr/lib/x86_64-linux-gnu/libextra.so": elf(content=b"extra"),
    "srv/page": b"a page",
    "etc/passwd": b"root:x:0:0::/:/bin/sh\nhello:x:70:71::/:/bin/sh\n",
}
LINKS = {
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "usr/lib/x86_64-linux-gnu/libgreet.so.1": "libgreet.so.1.2",
    "usr/bin/hi": "hello",
    "usr/bin/loop": ".",
}


@pytest.fixture(scope="session")
def key():
    return SigningKey.generate()


@pytest.fixture(scope="session")
def runtime(tmp_path_factory):
    pal = elf(content=b"this is the PAL")
    machine = install(tmp_path_factory.mktemp("machine"), changes={f"{PREFIX}/lib/gramine/sgx/libpal.so": pal})
    return find_release(machine, prefix=f"/{PREFIX}")


def make(scratch, files=None, links=None) -> Image:
    def entries():
        for name, content in sorted((files or FILES).items()):
            yield tar.member(tar.Entry(path=name, kind=tar.Kind.FILE, mode=0o755, size=len(content)))
            yield content
            yield tar.padding(len(content))
        for name, target in sorted((links or LINKS).items()):
            yield tar.member(tar.Entry(path=name, kind=tar.Kind.SYMBOLIC_LINK, mode=0o777, link=target))
        yield tar.end()

    run = RunConfig(entrypoint=("hello",), env=("PATH=/usr/bin",), user="hello", working_dir="/srv")
    plain = append(Image.build(ImageConfig(), ()), FileLayer.pack(entries(), scratch=scratch), created_by="test")
    return configure(plain, run)


def build(scratch, runtime, key, *, recipe=RECIPE, image=None):
    parsed = Recipe.parse(recipe.encode())
    return convert(image or make(scratch), parsed, signer=key, premain=AGENT, scratch=scratch, runtime=runtime)


@pytest.fixture
def built(tmp_path, runtime, key):
    return build(tmp_path, runtime, key)


def trusted(manifest) -> dict[str, str]:
    return {file.uri.removeprefix("file:"): file.sha256 for file in manifest.sgx.trusted_files}


def test_the_sgx_loader_is_the_entry_point_in_exec_form(built):
    assert built.image.config.run.entrypoint == SGX_ENTRYPOINT
    assert built.image.config.run.cmd is None
    assert built.image.config.run.user == "70:71"


def test_the_one_signal_that_gets_in_is_the_one_that_stops_it(tmp_path, runtime, key):
    image = make(tmp_path)
    quitting = configure(image, replace(image.config.run, stop_signal="SIGQUIT"))
    assert build(tmp_path, runtime, key, image=quitting).image.config.run.stop_signal == ""


def test_the_identity_is_that_of_gramines_pal_and_the_manifest(built, runtime):
    content = Content(built.image)
    assert measure(runtime.contents["sgx/libpal.so"], content.read(MANIFEST)) == built.mr_enclave
    verified = verify_image(built.image)
    assert (verified.mr_enclave, verified.runtime) == (built.mr_enclave, "gramine")


def test_the_manifest_has_the_hardening_defaults(built):
    manifest = built.manifest
    assert manifest.loader.argv == ("premain", "/usr/bin/hello", "hello")
    assert manifest.libos.entrypoint == PREMAIN
    assert (manifest.loader.log_level, manifest.sgx.debug, manifest.sgx.remote_attestation) == ("error", False, "dcap")
    assert (manifest.sgx.file_check_policy, manifest.sgx.allowed_files) == ("strict", ())
    assert manifest.sys.disallow_subprocesses
    assert manifest.sys.enable_extra_runtime_domain_names_conf
    raw = manifest.encode()
    for word in (b"insecure__", b"argv_src", b"env_src", b"debug__"):
        assert word not in raw
    assert Manifest.parse(raw) == manifest


def test_every_way_to_a_file_is_trusted_by_its_name(built):
    files = trusted(built.manifest)
    real = f"/usr{LIB}/libgreet.so.1.2"
    names = {real, f"{LIB}/libgreet.so.1.2", f"/usr{LIB}/libgreet.so.1", f"{LIB}/libgreet.so.1"}
    assert {path for path, digest in files.items() if digest == files[real]} == names
    assert files["/usr/bin/hi"] == files["/usr/bin/hello"]
    assert not any("/loop/" in path for path in files)


def test_the_c_library_of_the_release_takes_the_place_of_the_images(built):
    files = trusted(built.manifest)
    mounts = {mount.path: mount.uri for mount in built.manifest.fs.mounts if mount.type == "chroot"}
    assert mounts[LD] == "file:/.caisson/runtime/libc/ld-linux-x86-64.so.2"
    assert mounts[f"{LIB}/libc.so.6"] == "file:/.caisson/runtime/libc/libc.so.6"
    assert mounts["/opt/gramine/etc/ld.so.cache"] == "file:/.caisson/runtime/ld.so.cache"
    assert f"/usr{LIB}/libc.so.6" not in files
    assert {"/.caisson/runtime/libc/libc.so.6", "/.caisson/runtime/ld.so.cache"} <= files.keys()
    cache = Content(built.image).read("/.caisson/runtime/ld.so.cache")
    assert f"{LIB}/libgreet.so.1\0".encode() in cache
    assert b"/.caisson/runtime/libc/libc.so.6\0" in cache


@pytest.mark.parametrize("own", [GLIBC.replace(b"2.36", b"2.41"), b"some other C library"])
def test_an_image_with_a_newer_or_unknown_c_library_keeps_it(tmp_path, runtime, key, own):
    image = make(tmp_path, FILES | {"usr/lib/x86_64-linux-gnu/libc.so.6": elf(content=own)})
    manifest = build(tmp_path, runtime, key, image=image).manifest
    assert not any(mount.type == "chroot" for mount in manifest.fs.mounts)
    assert {f"/usr{LIB}/libc.so.6", f"{LIB}/libc.so.6", LD} <= trusted(manifest).keys()


def test_what_is_loaded_without_being_asked_for_is_trusted(built):
    assert {f"{LIB}/libgcc_s.so.1", "/etc/passwd"} <= trusted(built.manifest).keys()


def test_modules_are_trusted_with_their_libraries(tmp_path, runtime, key):
    recipe = RECIPE.replace('trusted = ["/srv"]', 'trusted = ["/srv"]\nmodules = ["/usr/lib/hello/*.so"]')
    files = trusted(build(tmp_path, runtime, key, recipe=recipe).manifest)
    assert {"/usr/lib/hello/plugin.so", f"{LIB}/libextra.so"} <= files.keys()
    with pytest.raises(UsageError, match="modules"):
        build(tmp_path, runtime, key, recipe=recipe.replace("*.so", "*.none"))


def test_an_encrypted_mount_has_its_key_and_a_volume(built):
    mount = next(mount for mount in built.manifest.fs.mounts if mount.type == "encrypted")
    assert (mount.path, mount.uri, mount.key_name) == ("/data", "file:/data", "data")
    assert "/data" in built.image.config.run.volumes
    assert "insecure__keys" not in built.manifest.encode().decode()


def test_on_the_native_runtime_it_is_a_plain_volume_and_the_measured_manifest_says_so(tmp_path, key):
    manifest = build(tmp_path, None, key).manifest
    variables = {item.name: item.value for item in manifest.loader.env}
    assert variables["CAISSON_PLAIN_KEYS"] == "data"
    assert [mount.type for mount in manifest.fs.mounts] == ["tmpfs"]


def test_a_plain_volume_is_refused(tmp_path, runtime, key):
    with pytest.raises(UsageError, match="plain volume"):
        build(tmp_path, runtime, key, recipe=RECIPE.replace("ports =", 'volumes = ["/log"]\nports ='))


def test_a_program_that_cannot_run_there_is_refused_with_the_reason(tmp_path, runtime, key):
    recipe = f'{RECIPE}[gramine]\nunsupported = "it shares memory between processes"\n'
    with pytest.raises(UsageError, match="does not run under Gramine: it shares memory"):
        build(tmp_path, runtime, key, recipe=recipe)
    assert build(tmp_path, None, key, recipe=recipe).manifest


def test_a_file_that_nobody_checks_is_allowed_only_where_the_recipe_says_why(tmp_path, runtime, key):
    reason = '[[files.allowed]]\npath = "/etc/localtime"\nreason = "only shown to people"\n'
    manifest = build(tmp_path, runtime, key, recipe=RECIPE + reason).manifest
    assert manifest.sgx.allowed_files == ("file:/etc/localtime",)


def test_the_manifest_for_gramine_direct_is_marked_and_holds_a_throw_away_key(built):
    raw = Content(built.image).read(DIRECT_MANIFEST)
    assert raw.startswith(b"# For gramine-direct, where nothing is protected")
    direct = Manifest.parse(raw)
    assert [key.name for key in direct.fs.insecure__keys] == ["data"]
    assert {item.name: item.value for item in direct.loader.env}["CAISSON_RUNTIME"] == "gramine-direct"
    assert trusted(direct).keys() - trusted(built.manifest).keys() == {
        "/.caisson/runtime/sgx/libpal.so",
        MANIFEST,
        SIGSTRUCT,
    }


def changed(image, scratch, path, content) -> Image:
    def entries():
        name = path.removeprefix("/")
        yield tar.member(tar.Entry(path=name, kind=tar.Kind.FILE, mode=0o755, size=len(content)))
        yield content
        yield tar.padding(len(content))
        yield tar.end()

    return append(image, FileLayer.pack(entries(), scratch=scratch), created_by="evil")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/.caisson/runtime/sgx/libpal.so", "runtime: `sgx/libpal.so`"),
        ("/.caisson/runtime/sgx/loader", "runtime: `sgx/loader`"),
        ("/.caisson/runtime/libsysdb.so", "runtime: `libsysdb.so`"),
        ("/.caisson/runtime/libc/libc.so.6", "libc.so.6"),
        ("/.caisson/runtime/ld.so.cache", "trusted file `/.caisson/runtime/ld.so.cache`"),
        ("/usr/lib/x86_64-linux-gnu/libgreet.so.1.2", "libgreet"),
        (DIRECT_MANIFEST, "manifest for gramine-direct"),
        (PREMAIN, "premain"),
    ],
)
def test_a_changed_part_is_named(built, tmp_path, path, said):
    with pytest.raises(ImageChanged, match=said.replace(".", r"\.")):
        verify_image(changed(built.image, tmp_path, path, b"\x7fELF another"))


def test_a_description_that_is_none_is_refused(built, tmp_path):
    with pytest.raises(ImageChanged, match="runtime: "):
        verify_image(changed(built.image, tmp_path, "/.caisson/runtime/bundle.json", b"{}"))


def test_another_entry_point_is_named(built):
    evil = configure(built.image, replace(built.image.config.run, entrypoint=("/bin/sh",)))
    with pytest.raises(ImageChanged, match="configuration"):
        verify_image(evil)


def test_an_image_for_gramine_is_pinned_and_signed_again(built, tmp_path, key):
    prepared = pin(open_prepared(built.image, scratch=tmp_path), ServerKeyHash(bytes(32)))
    pinned = prepared.sign(key)
    assert verify_image(pinned.image).key_server_pin == ServerKeyHash(bytes(32))
    assert pinned.mr_enclave != built.mr_enclave
    assert verify_image(open_prepared(built.image, scratch=tmp_path).sign(key).image).mr_enclave == built.mr_enclave


def test_an_unsigned_image_has_nothing_to_start_under_gramine_direct(built, tmp_path):
    unsigned = open_prepared(built.image, scratch=tmp_path).image
    assert Content(unsigned).read(DIRECT_MANIFEST) is None


def test_the_same_input_gives_the_same_bytes(built, tmp_path, runtime, key):
    (tmp_path / "elsewhere").mkdir()
    assert build(tmp_path / "elsewhere", runtime, key).image.digest == built.image.digest


@pytest.fixture(scope="session")
def musl(tmp_path_factory):
    loader = f"{PREFIX}/lib/gramine/runtime/musl/ld-musl-x86_64.so.1"
    pal = {f"{PREFIX}/lib/gramine/sgx/libpal.so": elf(content=b"this is the PAL")}
    machine = install(tmp_path_factory.mktemp("musl"), changes={**pal, loader: elf(content=b"patched\0001.2.5\0")})
    return find_release(machine, prefix=f"/{PREFIX}", libc=Libc.MUSL)


MUSL_LD = "/lib/ld-musl-x86_64.so.1"
MUSL_FILES = {
    "lib/ld-musl-x86_64.so.1": elf(content=b"its own"),
    "usr/bin/hello": elf(interpreter=MUSL_LD, needed=("libc.musl-x86_64.so.1",), content=b"hello"),
    "srv/page": b"a page",
    "etc/passwd": FILES["etc/passwd"],
}
MUSL_LINKS = {"lib/libc.musl-x86_64.so.1": "ld-musl-x86_64.so.1"}


def test_musls_loader_takes_the_place_of_the_images(tmp_path, musl, key):
    built = build(tmp_path, musl, key, image=make(tmp_path, MUSL_FILES, MUSL_LINKS))
    mounts = {mount.path: mount.uri for mount in built.manifest.fs.mounts if mount.type == "chroot"}
    assert mounts == {MUSL_LD: "file:/.caisson/runtime/libc/ld-musl-x86_64.so.1"}
    files = trusted(built.manifest)
    assert MUSL_LD not in files
    assert files["/.caisson/runtime/libc/ld-musl-x86_64.so.1"] == musl.bundle.parts["libc/ld-musl-x86_64.so.1"]
    verify_image(built.image)


def test_a_runtime_with_another_c_library_is_refused_with_a_hint(tmp_path, runtime, musl, key):
    for release, image, needed in (
        (musl, make(tmp_path), "glibc"),
        (runtime, make(tmp_path, MUSL_FILES, MUSL_LINKS), "musl"),
    ):
        with pytest.raises(UsageError, match=f"programs use {needed}, and this runtime has") as caught:
            build(tmp_path, release, key, image=image)
        assert f"--libc {needed}" in caught.value.hint


def test_a_static_program_runs_with_either(tmp_path, musl, key):
    static = {**MUSL_FILES, "usr/bin/hello": elf(content=b"static")}
    assert build(tmp_path, musl, key, image=make(tmp_path, static, MUSL_LINKS)).mr_enclave
