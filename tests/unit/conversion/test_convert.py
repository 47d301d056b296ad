import struct
from dataclasses import replace
from hashlib import sha256

import pytest

from caisson.conversion import MANIFEST, PREMAIN, SIGSTRUCT, Recipe, prepare
from caisson.conversion.places import DIRECTORY
from caisson.enclave import Manifest, measure
from caisson.errors import ImageRejected, UsageError
from caisson.oci import FileSystem, Image, RegistryName, read_changes, validate
from caisson.protocol import ServerKeyHash


def manifest_of(built):
    return Manifest.parse(FileSystem.of(built.image).find(MANIFEST).content.read())


def trusted(built):
    return {file.uri.removeprefix("file:"): file.sha256 for file in manifest_of(built).sgx.trusted_files}


def environment(built):
    return {item.name: item.value for item in manifest_of(built).loader.env}


def test_an_image_starts_premain_and_keeps_what_is_not_ours(bench):
    run = bench.convert().image.config.run
    assert run.entrypoint == (PREMAIN,)
    assert run.cmd is None
    assert run.env == ("CAISSON_WORKLOAD=hello",)
    assert (run.user, run.working_dir, run.stop_signal) == ("70:71", "/srv", "SIGINT")
    assert run.exposed_ports == ("8080/tcp",)
    assert run.volumes == ("/data",)
    assert run.labels["maintainer"] == "nobody"


def test_the_manifest_says_how_the_program_starts(bench):
    manifest = manifest_of(bench.convert())
    assert manifest.loader.argv == ("premain", "/usr/bin/hello", "hello", "--loud", "/etc/hello/hello.conf")
    assert (manifest.loader.uid, manifest.loader.gid, manifest.fs.start_dir) == (70, 71, "/srv")
    assert [mount.path for mount in manifest.fs.mounts] == ["/run/caisson"]
    assert (manifest.sgx.isvprodid, manifest.sgx.isvsvn, manifest.sgx.debug) == (7, 3, False)


def test_the_environment_is_what_image_and_recipe_say_and_nothing_else(bench):
    found = environment(bench.convert())
    assert found["PATH"] == "/usr/bin"
    assert found["LANG"] == "C"
    assert found["CAISSON_RUNTIME"] == "native"
    assert {name for name, value in found.items() if value is None} == {
        "TZ", "CAISSON_KEY_SERVER", "CAISSON_PLATFORM", "CAISSON_TIMEOUT", "CAISSON_WORKLOAD",
    }  # fmt: skip
    assert "CAISSON_KEY_SERVER_PIN" not in found


def test_a_pin_is_measured(bench):
    pin = ServerKeyHash.of(b"a server")
    pinned, open_to_all = bench.convert(key_server_pin=pin), bench.convert()
    assert environment(pinned)["CAISSON_KEY_SERVER_PIN"] == str(pin)
    assert pinned.mr_enclave != open_to_all.mr_enclave


def test_what_the_program_needs_and_what_the_recipe_lists_is_trusted_and_nothing_more(bench):
    built = bench.convert()
    assert set(trusted(built)) == {
        PREMAIN, "/usr/bin/hello", "/usr/lib/ld.so", "/usr/lib/libgreet.so", "/srv/page", "/etc/hello/hello.conf",
    }  # fmt: skip
    files = FileSystem.of(built.image)
    for path, digest in trusted(built).items():
        assert sha256(files.find(path).content.read()).hexdigest() == digest


@pytest.mark.parametrize("kind", [1, 4], ids=["object file", "core"])
def test_what_no_loader_would_load_is_trusted_as_any_file_of_a_directory_that_is_listed(bench, kind):
    """Python's own image has one beside its library, and every package for developers has some."""
    header = struct.pack(
        "<4s5B7xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, kind, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 1, 0
    )
    built = bench.convert(bench.plain(bench.files | {"srv/python.o": header}))
    assert trusted(built)["/srv/python.o"] == sha256(header).hexdigest()


def test_a_library_in_a_directory_that_is_listed_must_be_one(bench):
    broken = bench.files["usr/lib/libgreet.so"][:70]
    with pytest.raises(ImageRejected, match=r"`/srv/libgreet.so` begins like an ELF file"):
        bench.convert(bench.plain(bench.files | {"srv/libgreet.so": broken}))


@pytest.mark.parametrize(
    ("entrypoint", "cmd"),
    [
        (("/bin/start",), ("other", "--fast")),
        (("/bin/sh", "-c", "exec other --fast >/dev/null; true"), None),
        (("/bin/sh", "-c"), ("/usr/bin/other&",)),
    ],
    ids=["entry point script", "shell form", "cut by punctuation"],
)
def test_a_program_that_only_an_argument_names_is_trusted_too(bench, entrypoint, cmd):
    """Else a changed program would go unnoticed behind an unchanged shell."""
    files = {"bin/start": b'#!/bin/sh\nexec "$@"\n', "bin/sh": bench.files["usr/bin/hello"]}
    built = bench.convert(bench.plain(bench.files | files, entrypoint=entrypoint, cmd=cmd))
    assert {"/usr/bin/other", "/bin/sh"} <= set(trusted(built))
    assert "/usr/bin/hello" not in trusted(built)


def test_the_same_input_gives_the_same_bytes(bench):
    assert bench.convert().image.digest == bench.convert().image.digest


def test_the_result_is_a_valid_image_and_its_identity_is_that_of_its_bytes(bench):
    built = bench.convert()
    files = validate(built.image)
    parts = [files.find(path).content.read() for path in (PREMAIN, MANIFEST)]
    assert measure(*parts) == built.mr_enclave
    assert built.mr_signer == bench.key.mr_signer
    assert len(files.find(SIGSTRUCT).content.read()) == 1808


def test_two_layers_are_added_and_directories_on_the_way_stay_as_they_are(bench):
    plain = bench.plain()
    built = bench.convert(plain)
    assert built.image.layers[:-2] == plain.layers
    assert read_changes(built.image.layers[-1]).entries.keys() == {
        path.removeprefix("/") for path in (DIRECTORY, MANIFEST, SIGSTRUCT)
    }
    files = FileSystem.of(built.image)
    etc = files.find("/etc").entry
    assert (etc.mode, etc.uid) == (0o751, 5)
    assert files.find("/etc/hello/hello.conf").entry.mode == 0o440
    for path in ("/run/caisson", "/data"):
        made = files.find(path).entry
        assert (made.uid, made.gid) == (70, 71)


def test_a_file_below_a_link_lies_where_the_link_leads(bench):
    built = bench.convert(recipe=bench.recipe.replace("/etc/hello/hello.conf", "/var/run/hello.conf"))
    assert FileSystem.of(built.image).find("/run/hello.conf").content is not None
    assert "/run/hello.conf" in trusted(built)


def test_the_recipe_overrules_the_image(bench):
    recipe = bench.recipe.replace(
        "[application]",
        """[application]
command = ["/usr/bin/other", "x"]
user = "9:8"
working_dir = "/new"
environment = { LANG = "de", PATH = "/opt" }
drop = ["LANG"]""",
    )
    built = bench.convert(recipe=recipe)
    manifest = manifest_of(built)
    assert manifest.loader.argv == ("premain", "/usr/bin/other", "/usr/bin/other", "x")
    assert (manifest.loader.uid, manifest.loader.gid, manifest.fs.start_dir) == (9, 8, "/new")
    assert environment(built)["LANG"] == "de"
    assert FileSystem.of(built.image).find("/new").is_directory


def test_a_healthcheck_is_written_as_docker_reads_it(bench):
    recipe = bench.recipe + '\n[healthcheck]\ncommand = ["/bin/ok"]\ninterval = 7\n'
    found = bench.convert(recipe=recipe).image.config.run.healthcheck
    assert found["Test"] == ["CMD", "/bin/ok"]
    assert (found["Interval"], found["Retries"]) == (7_000_000_000, 3)
    assert bench.convert().image.config.run.healthcheck is None


@pytest.mark.parametrize(("more", "asked"), [("", []), ("ends_with_certificate = true\n", ["certificate"])])
def test_the_probe_is_told_to_look_at_the_certificate_where_the_recipe_says_so(bench, more, asked):
    recipe = bench.recipe + '\n[healthcheck]\nprobe = "https:8443/healthz"\n' + more
    found = bench.convert(recipe=recipe).image.config.run.healthcheck
    assert found["Test"] == ["CMD", "/.caisson/probe", "https:8443/healthz", *asked]


@pytest.mark.parametrize(
    ("run", "files", "words"),
    [
        ({"entrypoint": ("gone",)}, {}, "no program `gone`"),
        ({"entrypoint": ("/bin/sh", "-c", "hello")}, {}, "in shell form, and the image has no `/bin/sh`"),
        ({"entrypoint": None, "cmd": None}, {}, "does not say what to run"),
        ({"entrypoint": ("/etc/passwd",)}, {}, "`/etc/passwd` is neither a program for x86-64 nor a script"),
        ({"user": "nobody"}, {}, "user `nobody`"),
        ({"user": "hello:staff"}, {}, "group `staff`"),
        ({"env": ("CAISSON_KEY_SERVER_PIN=00",)}, {}, "`CAISSON_KEY_SERVER_PIN`"),
        ({"env": ("a.b=1",)}, {}, "`a.b`"),
        ({"volumes": ("/usr",)}, {}, "`/usr/bin/hello` cannot be trusted"),
        ({}, {"usr/lib/libgreet.so": None}, "needs the library `libgreet.so`"),
        ({}, {"usr/lib/ld.so": None}, "needs `/lib/ld.so`"),
        ({}, {"srv/page": None}, "trusts `/srv`, which the image does not have"),
        ({}, {".caisson/app.manifest.sgx": b""}, "a confidential one already"),
    ],
)
def test_an_image_that_does_not_fit_is_refused_in_plain_words(bench, run, files, words):
    content = {path: data for path, data in (bench.files | files).items() if data is not None}
    with pytest.raises(UsageError) as caught:
        bench.convert(bench.plain(content, **run))
    assert words in caught.value.message


def test_a_program_without_executable_bits_is_refused(bench):
    image = bench.plain(
        {"usr/lib/libgreet.so": bench.files["usr/lib/libgreet.so"]}, mode=0o644, entrypoint=("/lib/libgreet.so",)
    )
    with pytest.raises(UsageError, match="not executable"):
        bench.convert(image)


def test_an_image_for_another_processor_is_refused(bench):
    plain = bench.plain()
    with pytest.raises(UsageError, match="linux/arm64"):
        bench.convert(Image.build(replace(plain.config, architecture="arm64"), plain.layers))


def test_what_it_was_made_from_is_a_label_for_people(bench):
    base = RegistryName.parse(f"docker.io/library/redis:7.2@sha256:{'0' * 64}")
    recipe = Recipe.parse(bench.recipe.encode())
    built, without = (
        prepare(bench.plain(), recipe, premain=bench.premain, scratch=bench.scratch, base=one) for one in (base, None)
    )
    assert built.image.config.run.labels["org.opencontainers.image.base.name"] == "docker.io/library/redis:7.2"
    assert built.image.config.run.labels["org.opencontainers.image.base.digest"] == str(base.digest)
    assert built.mr_enclave == without.mr_enclave


def test_what_a_recipe_keeps_takes_the_place_of_the_images_volumes(bench):
    plain = bench.plain(volumes=("/var/lib/hello",))
    assert bench.convert(plain).image.config.run.volumes == ("/data",)
    nothing_kept = bench.recipe.replace('volumes = ["/data"]', "")
    assert bench.convert(plain, nothing_kept).image.config.run.volumes == ("/var/lib/hello",)


def test_chain_and_key_share_a_file_if_the_recipe_says_so(bench):
    assert environment(bench.convert())["CAISSON_TLS_KEY"] == "/run/caisson/tls/key.pem"
    shared = environment(
        bench.convert(recipe=bench.recipe.replace("[application]", "[application]\ntls_in_one_file = true"))
    )
    assert shared["CAISSON_TLS_KEY"] == shared["CAISSON_TLS_CERTIFICATE"] == "/run/caisson/tls/certificate.pem"
