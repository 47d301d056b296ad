"""Images go through real registries, open and guarded, over lines that break, and to and from other tools."""

import itertools
import json
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from caisson.cli.app import run
from caisson.errors import Unavailable
from caisson.oci import (
    Access,
    Artifact,
    ArtifactBlob,
    FileLayer,
    Image,
    ImageConfig,
    Reference,
    RunConfig,
    append,
    attach,
    attached,
    configure,
    open_reader,
    open_store,
    sink,
    source,
    tar,
    validate,
)
from tests.registry import IMPATIENT
from tests.system.registries import (
    BreakingLine,
    RealRegistry,
    TokenServer,
    digest_of,
    guard,
    write_auth,
)

BIG = os.urandom(3_000_000)
NOTE = Artifact(artifact_type="x/note", blobs=(ArtifactBlob(media_type="text/plain", content=b"hello"),))


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("registries")


@pytest.fixture(scope="module")
def start(directory):
    """Start registries; all are stopped at the end."""
    started = []

    def start(name, **options):
        (directory / name).mkdir()
        registry = RealRegistry(directory / name, **options)
        registry.start()
        started.append(registry)
        return registry

    yield start
    for registry in started:
        registry.stop()


@pytest.fixture(scope="module")
def plain(start):
    return start("plain")


@pytest.fixture(scope="module")
def guarded(start, directory):
    """A registry with a password, over TLS."""
    options, root = guard(directory, "localhost")
    registry = start("guarded", **options)
    registry.root = root
    return registry


@pytest.fixture(scope="module")
def tokens(directory):
    server = TokenServer(directory)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def token_registry(start, tokens):
    return start("token", config={"auth": {"token": tokens.config()}})


@pytest.fixture
def scratch(tmp_path):
    path = tmp_path / "scratch"
    path.mkdir()
    return path


def layer(scratch, *files):
    pieces = []
    for path, content in files:
        entry = tar.Entry(path=path, kind=tar.Kind.FILE, mode=0o755, size=len(content))
        pieces += [tar.member(entry), content, tar.padding(len(content))]
    return FileLayer.pack([*pieces, tar.end()], scratch=scratch)


@pytest.fixture
def image(scratch):
    run = RunConfig(entrypoint=("/small",), env=("A=b",), labels={"l": "ü"})
    first = append(Image.build(ImageConfig(run=run), ()), layer(scratch, ("big", BIG)), created_by="one")
    return append(first, layer(scratch, ("small", b"small\n"), ("etc/ünïcode", b"")), created_by="two")


@pytest.fixture
def access():
    return Access(chunk=1 << 20)


def at(registry, rest):
    return Reference.parse(f"docker://{registry.host}/{rest}")


def tool(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_image_comes_back_from_a_real_registry(plain, image, access, scratch):
    place = at(plain, "round/trip:v1")
    sink(place, access).write(image)
    back = source(place, access).read(scratch=scratch)
    assert back.digest == image.digest
    assert validate(back).find("/big").content.read() == BIG
    by_digest = at(plain, f"round/trip@{image.digest}")
    assert source(by_digest, access).read(scratch=scratch).digest == image.digest


def test_a_real_registry_mounts_what_it_has(plain, image, access, scratch):
    sink(at(plain, "mount/one:v1"), access).write(image)
    back = source(at(plain, "mount/one:v1"), access).read(scratch=scratch)
    outcomes = []

    class Outcomes:
        def begin(self, *_):
            return self

        def advance(self, _):
            pass

        def end(self, outcome):
            outcomes.append(outcome)

    sink(at(plain, "mount/two:v1"), replace(access, progress=Outcomes())).write(back)
    assert outcomes.count("mounted") == 2


def test_artifacts_are_attached_where_there_is_no_api_for_them(plain, image, access, scratch):
    place = at(plain, "attached:v1")
    sink(place, access).write(image)
    with open_store(place, access, scratch=scratch) as (store, _):
        attach(store, NOTE, subject=image.digest)
    with open_reader(place, access, scratch=scratch) as (store, _):
        assert attached(store, image.digest, scratch=scratch) == (NOTE,)


def test_a_download_over_a_line_that_breaks_is_resumed(plain, image, access, scratch):
    sink(at(plain, "broken/down:v1"), access).write(image)
    line = BreakingLine(plain.port)
    try:
        line.cuts.extend((1_000_000, 800_000))
        back = source(Reference.parse(f"docker://{line.host}/broken/down:v1"), access).read(scratch=scratch)
        assert validate(back).find("/big").content.read() == BIG
        assert line.broken == 2
    finally:
        line.stop()


def test_an_upload_over_a_line_that_breaks_is_resumed(plain, image, access, scratch):
    line = BreakingLine(plain.port)
    try:
        line.cuts.extend((1_500_000, 1_200_000))
        sink(Reference.parse(f"docker://{line.host}/broken/up:v1"), access).write(image)
        assert line.broken == 2
    finally:
        line.stop()
    back = source(at(plain, "broken/up:v1"), access).read(scratch=scratch)
    assert validate(back).find("/big").content.read() == BIG


def test_a_blob_that_the_registrys_disk_changed_is_refused_and_nothing_is_left(plain, image, access, tmp_path):
    sink(at(plain, "rotten:v1"), access).write(image)
    hexadecimal = image.layers[1].descriptor.digest.hex
    path = plain.directory / f"data/docker/registry/v2/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    try:
        assert run(["copy", str(at(plain, "rotten:v1")), f"oci:{tmp_path}/out:v1"]) == 1
        assert run(["inspect", f"oci:{tmp_path}/out:v1"]) == 2
    finally:
        path.write_bytes(good)


def test_a_registry_with_password_and_tls_takes_both(guarded, image, scratch, tmp_path):
    place = at(guarded, "guarded/app:v1")
    auth = write_auth(tmp_path / "auth.json", guarded.host)
    access = Access(tls_ca=guarded.root, auth_file=auth)
    sink(place, access).write(image)
    assert source(place, access).read(scratch=scratch).digest == image.digest


def test_a_registry_without_the_right_root_is_not_trusted(guarded, image, tmp_path):
    access = Access(auth_file=write_auth(tmp_path / "auth.json", guarded.host))
    with pytest.raises(Unavailable, match="certificate") as caught:
        sink(at(guarded, "x"), access).write(image)
    assert "--tls-ca" in caught.value.hint


def test_a_wrong_password_is_no_way_in(guarded, image, tmp_path):
    wrong = write_auth(tmp_path / "auth.json", guarded.host, password="wrong")
    for access in (Access(tls_ca=guarded.root), Access(tls_ca=guarded.root, auth_file=wrong)):
        with pytest.raises(Unavailable, match="does not let us"):
            sink(at(guarded, "x"), access).write(image)


def test_the_command_line_takes_certificates_and_credentials(guarded, image, tmp_path, capsys, monkeypatch):
    auth = write_auth(tmp_path / "auth.json", guarded.host)
    sink(Reference.parse(f"oci:{tmp_path}/out:v1")).write(image)
    place = str(at(guarded, "cli/app:v1"))
    options = ["--tls-ca", str(guarded.root), "--auth-file", str(auth)]
    assert run(["copy", f"oci:{tmp_path}/out:v1", place, *options]) == 0
    capsys.readouterr()
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded.root))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(auth))
    assert run(["inspect", place, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == str(image.digest)


def test_certificates_lie_where_docker_has_them(guarded, image, tmp_path, monkeypatch):
    directory = tmp_path / "config" / "containers" / "certs.d" / guarded.host
    directory.mkdir(parents=True)
    (directory / "ca.crt").write_bytes(guarded.root.read_bytes())
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    access = Access(auth_file=write_auth(tmp_path / "auth.json", guarded.host))
    sink(at(guarded, "certs/app:v1"), access).write(image)


def test_a_registry_with_tokens_gives_what_the_password_allows(token_registry, tokens, image, scratch, tmp_path):
    place = at(token_registry, "token/app:v1")
    known = Access(auth_file=write_auth(tmp_path / "auth.json", token_registry.host))
    with pytest.raises(Unavailable, match="does not let us"):
        sink(place, Access()).write(image)
    sink(place, known).write(image)
    assert source(place, Access()).read(scratch=scratch).digest == image.digest  # anyone may pull
    back = source(place, known).read(scratch=scratch)
    sink(at(token_registry, "token/mounted:v1"), known).write(back)
    mounting = {"repository:token/mounted:pull,push", "repository:token/app:pull"}
    assert any(known and mounting <= set(scopes) for scopes, known in tokens.asked)  # the registry may spell one anew


def test_a_token_that_expires_while_blobs_travel_is_renewed(start, directory, image, scratch, tmp_path):
    """By a clock that goes on whenever it is looked at, a token is good for three requests; an image takes more."""
    (directory / "short-lived").mkdir()
    short = TokenServer(directory / "short-lived")
    seconds = itertools.count(step=15.0)
    try:
        registry = start("short", config={"auth": {"token": short.config()}})
        auth = write_auth(tmp_path / "auth.json", registry.host)
        access = Access(auth_file=auth, chunk=1 << 19, workers=1, clock=lambda: next(seconds), retry=IMPATIENT)
        place = at(registry, "short/app:v1")
        sink(place, access).write(image)
        asked = len(short.asked)
        assert asked > 3
        assert source(place, access).read(scratch=scratch).digest == image.digest
        assert len(short.asked) > asked
    finally:
        short.stop()


FORMS = ["oci:{}/layout:v1", "oci-archive:{}/oci.tar:v1", "docker-archive:{}/docker.tar:app:v1"]


@pytest.mark.parametrize("form", FORMS)
def test_skopeo_reads_what_we_write(form, image, tmp_path):
    text = form.format(tmp_path)
    sink(Reference.parse(text)).write(image)
    told = json.loads(tool("skopeo", "inspect", "--config", text))
    assert told["config"]["Entrypoint"] == ["/small"]
    tool("skopeo", "copy", text, f"oci:{tmp_path}/copied:v1")
    back = source(Reference.parse(f"oci:{tmp_path}/copied:v1")).read(scratch=tmp_path)
    assert validate(back).find("/big").content.read() == BIG


def test_skopeo_reads_what_we_push_and_we_read_what_skopeo_pushes(plain, image, access, scratch, tmp_path):
    place = at(plain, "skopeo/app:v1")
    sink(place, access).write(image)
    assert json.loads(tool("skopeo", "inspect", "--tls-verify=false", str(place)))["Digest"] == str(image.digest)
    other = at(plain, "skopeo/copied:v1")
    tool("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", str(place), str(other))
    assert source(other, access).read(scratch=scratch).digest == image.digest
    archive = f"docker-archive:{tmp_path}/plain.tar:app:v1"  # its layers are not compressed
    sink(Reference.parse(archive)).write(image)
    zstd = at(plain, "skopeo/zstd:v1")
    options = ("--format", "oci", "--dest-compress-format", "zstd", "--dest-tls-verify=false")
    tool("skopeo", "copy", *options, archive, str(zstd))
    back = source(zstd, access).read(scratch=scratch)
    assert "zstd" in back.layers[0].descriptor.media_type
    assert validate(back).find("/big").content.read() == BIG
    sink(Reference.parse(f"docker-archive:{tmp_path}/docker.tar:app:v1")).write(back)
    tool("skopeo", "inspect", f"docker-archive:{tmp_path}/docker.tar:app:v1")


def test_umoci_unpacks_what_we_write(image, tmp_path):
    sink(Reference.parse(f"oci:{tmp_path}/layout:v1")).write(image)
    tool("umoci", "unpack", "--image", f"{tmp_path}/layout:v1", f"{tmp_path}/bundle")
    root = tmp_path / "bundle" / "rootfs"
    assert (root / "big").read_bytes() == BIG
    assert (root / "etc" / "ünïcode").exists()


SPECIAL = (
    tar.Entry(path="dir", kind=tar.Kind.DIRECTORY, mode=0o1777, uid=12, gid=34),
    tar.Entry(path="dir/null", kind=tar.Kind.CHARACTER_DEVICE, mode=0o666, device=(1, 3)),
    tar.Entry(path="dir/fifo", kind=tar.Kind.FIFO, mode=0o600),
    tar.Entry(path="dir/link", kind=tar.Kind.SYMBOLIC_LINK, mode=0o777, link="../file"),
    tar.Entry(path="file", kind=tar.Kind.FILE, mode=0o4755, size=0, xattrs={"user.caisson": b"\x00\xff"}),
    tar.Entry(path="hard", kind=tar.Kind.HARD_LINK, link="file"),
    tar.Entry(path="gone", kind=tar.Kind.FILE),
    tar.Entry(path="emptied", kind=tar.Kind.DIRECTORY),
    tar.Entry(path="emptied/old", kind=tar.Kind.FILE),
)
ABOVE = (
    tar.Entry(path=".wh.gone", kind=tar.Kind.FILE),
    tar.Entry(path="emptied", kind=tar.Kind.DIRECTORY),
    tar.Entry(path="emptied/.wh..wh..opq", kind=tar.Kind.FILE),
    tar.Entry(path="emptied/new", kind=tar.Kind.FILE),
)


def special(scratch):
    """An image with one of everything that a layer may hold."""
    made = Image.build(ImageConfig(), ())
    for entries in (SPECIAL, ABOVE):
        made = append(
            made, FileLayer.pack([*map(tar.member, entries), tar.end()], scratch=scratch), created_by="special"
        )
    return made


def test_everything_that_a_layer_may_hold_survives_and_is_seen(plain, access, scratch, tmp_path):
    place, layout = at(plain, "special:v1"), f"oci:{tmp_path}/layout:v1"
    made = special(scratch)
    sink(place, access).write(made)
    assert run(["copy", str(place), layout]) == 0
    back = source(Reference.parse(layout)).read(scratch=scratch)
    assert [each.diff_id for each in back.layers] == [each.diff_id for each in made.layers]
    files = validate(back)
    tool("umoci", "unpack", "--image", f"{tmp_path}/layout:v1", f"{tmp_path}/bundle")
    root = tmp_path / "bundle" / "rootfs"
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == [
        found.path.lstrip("/") for found in files.walk()
    ]
    assert (root / "dir" / "null").stat().st_rdev == os.makedev(*files.find("/dir/null").entry.device)
    assert (root / "dir").stat().st_mode & 0o7777 == files.find("/dir").entry.mode == 0o1777
    assert ((root / "dir").stat().st_uid, (root / "dir").stat().st_gid) == (12, 34)
    assert (root / "hard").stat().st_ino == (root / "file").stat().st_ino
    assert files.find("/hard").entry.mode == (root / "hard").stat().st_mode & 0o7777 == 0o4755
    assert files.find("/hard").entry.xattrs["user.caisson"] == b"\x00\xff"
    assert os.getxattr(root / "file", "user.caisson") == b"\x00\xff"
    assert files.find("/dir/link", follow=False).entry.link == str((root / "dir" / "link").readlink())
    assert files.find("/dir/link").path == "/file"


def test_the_engine_loads_our_archive_and_gives_it_back(image, tmp_path, scratch):
    archive = tmp_path / "docker.tar"
    name = "caisson-registries:test"
    sink(Reference.parse(f"docker-archive:{archive}:{name}")).write(image)
    tool("docker", "load", "--input", str(archive))
    try:
        back = source(Reference.parse(f"docker-daemon:{name}")).read(scratch=scratch)
        assert back.image_id == image.image_id
        assert back.digest == image.digest
        tool("docker", "save", "--output", str(tmp_path / "saved.tar"), name)
        saved = source(Reference.parse(f"docker-archive:{tmp_path}/saved.tar:{name}")).read(scratch=scratch)
        assert saved.digest == image.digest
    finally:
        tool("docker", "rmi", "--force", name)


@pytest.mark.parametrize("by_copy", [False, True], ids=["sink", "copy"])
def test_the_engine_loads_our_oci_archive_too(image, by_copy, tmp_path, scratch):
    name = "docker.io/library/caisson-registries:oci"
    archive = f"oci-archive:{tmp_path}/oci.tar:{name}"
    sink(Reference.parse(archive)).write(image)
    if by_copy:
        assert run(["copy", archive, f"oci-archive:{tmp_path}/copied.tar:{name}"]) == 0
    tool("docker", "load", "--input", f"{tmp_path}/{'copied' if by_copy else 'oci'}.tar")
    try:
        assert source(Reference.parse(f"docker-daemon:{name}")).read(scratch=scratch).image_id == image.image_id
    finally:
        tool("docker", "rmi", "--force", name)


def test_the_engine_pulls_what_we_push_and_we_pull_what_it_pushes(plain, image, access, scratch):
    name = f"{plain.host}/engine/app:v1"
    sink(Reference.parse(f"docker://{name}"), access).write(image)
    pushed = f"{plain.host}/engine/pushed:v1"
    try:
        tool("docker", "pull", name)
        tool("docker", "tag", name, pushed)
        tool("docker", "push", pushed)
        back = source(Reference.parse(f"docker://{pushed}"), access).read(scratch=scratch)
        assert back.image_id == image.image_id
        assert validate(back).find("/big").content.read() == BIG
        # Docker's media types survive a copy, and become OCI's in what is built on it
        built = configure(back, replace(back.config.run, user="1"))
        sink(Reference.parse(f"docker://{plain.host}/engine/built:v1"), access).write(built)
        tool("docker", "pull", f"{plain.host}/engine/built:v1")
    finally:
        tool("docker", "rmi", "--force", name, pushed, f"{plain.host}/engine/built:v1")


def test_two_writes_of_one_image_give_the_same_files(image, tmp_path):
    for place in ("one", "two"):
        sink(Reference.parse(f"oci-archive:{tmp_path}/{place}.tar:v1")).write(image)
        sink(Reference.parse(f"docker-archive:{tmp_path}/{place}.docker.tar:app:v1")).write(image)
    assert digest_of(tmp_path / "one.tar") == digest_of(tmp_path / "two.tar")
    assert digest_of(tmp_path / "one.docker.tar") == digest_of(tmp_path / "two.docker.tar")


def test_a_registry_that_is_not_there_is_no_verdict(capsys):
    assert run(["inspect", "docker://localhost:1/app"]) == 3
    assert capsys.readouterr().err.startswith("error: registry `localhost:1` cannot be reached: ")


@pytest.mark.parametrize("form", FORMS)
def test_podman_takes_what_we_write(form, image, tmp_path):
    text = form.format(tmp_path)
    sink(Reference.parse(text)).write(image)
    with tempfile.TemporaryDirectory(prefix="podman-") as short:  # Podman refuses long paths
        own = ("podman", "--root", f"{short}/s", "--runroot", f"{short}/r", "--storage-driver", "vfs")
        name = tool(*own, "pull", "--quiet", text).strip()
        (told,) = json.loads(tool(*own, "image", "inspect", name))
        assert told["Config"]["Entrypoint"] == ["/small"]
        assert told["RootFS"]["Layers"] == [str(layer.diff_id) for layer in image.layers]
        mounted = Path(tool(*own, "image", "mount", name).strip())
        assert (mounted / "big").read_bytes() == BIG
        assert (mounted / "etc" / "ünïcode").exists()
        tool(*own, "image", "unmount", name)
