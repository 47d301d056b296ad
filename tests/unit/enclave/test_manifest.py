"""The measured manifest: written one way, read strictly."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.enclave import (
    CpuFeatures,
    EnclaveParameters,
    EnvironmentVariable,
    Feature,
    FileSystem,
    LibOs,
    Loader,
    Manifest,
    Mount,
    Sgx,
    TrustedFile,
)
from caisson.errors import Malformed

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAME = st.text("ABCabc019_-", min_size=1, max_size=10)
ID = st.integers(0, (1 << 32) - 1)
FEATURE = st.sampled_from(Feature)
FIXED_FEATURE = st.sampled_from([Feature.DISABLED, Feature.REQUIRED])
MANIFESTS = st.builds(
    Manifest,
    libos=st.builds(LibOs, entrypoint=TEXT),
    loader=st.builds(
        Loader,
        argv=st.lists(TEXT).map(tuple),
        env=st.lists(
            st.builds(EnvironmentVariable, name=NAME, value=st.none() | TEXT), unique_by=lambda variable: variable.name
        ).map(tuple),
        uid=ID,
        gid=ID,
        log_level=st.sampled_from(["none", "error", "all"]),
    ),
    fs=st.builds(FileSystem, start_dir=TEXT, mounts=st.lists(st.builds(Mount, path=TEXT)).map(tuple)),
    sgx=st.builds(
        Sgx,
        enclave_size=st.sampled_from(["1G", "0x20000000", "512M"]),
        max_threads=st.integers(1, 4096),
        isvprodid=st.integers(0, 0xFFFF),
        isvsvn=st.integers(0, 0xFFFF),
        trusted_files=st.lists(
            st.builds(
                TrustedFile, uri=TEXT.map("file:".__add__), sha256=st.binary(min_size=32, max_size=32).map(bytes.hex)
            ),
            unique_by=lambda file: file.uri,
        ).map(tuple),
        debug=st.booleans(),
        edmm_enable=st.booleans(),
        remote_attestation=st.sampled_from(["none", "dcap"]),
        cpu_features=st.builds(
            CpuFeatures, avx=FEATURE, avx512=FEATURE, amx=FEATURE, mpx=FIXED_FEATURE, pkru=FIXED_FEATURE
        ),
    ),
)

EXAMPLE = Manifest(
    libos=LibOs(entrypoint="/.caisson/premain"),
    loader=Loader(
        argv=("premain", "/usr/bin/redis-server", "redis-server", "--port", "0"),
        env=(
            EnvironmentVariable(name="TZ", value=None),
            EnvironmentVariable(name="PATH", value="/usr/bin"),
            EnvironmentVariable(name="CAISSON_RUNTIME", value="native"),
        ),
        uid=0,
        gid=0,
    ),
    fs=FileSystem(start_dir="/data", mounts=(Mount(path="/run/caisson"),)),
    sgx=Sgx(
        enclave_size="1G",
        max_threads=16,
        isvprodid=17,
        isvsvn=1,
        trusted_files=(
            TrustedFile(uri="file:/usr/bin/redis-server", sha256="ab" * 32),
            TrustedFile(uri="file:/.caisson/premain", sha256="cd" * 32),
        ),
    ),
)

WRITTEN = """\
[libos]
entrypoint = "/.caisson/premain"

[loader]
argv = ["premain", "/usr/bin/redis-server", "redis-server", "--port", "0"]
log_level = "error"
uid = 0
gid = 0

[loader.env]
CAISSON_RUNTIME = "native"
PATH = "/usr/bin"

[loader.env.TZ]
passthrough = true

[fs]
start_dir = "/data"

[[fs.mounts]]
type = "tmpfs"
path = "/run/caisson"

[sgx]
debug = false
enclave_size = "1G"
max_threads = 16
edmm_enable = false
isvprodid = 17
isvsvn = 1
remote_attestation = "dcap"

[sgx.cpu_features]
avx = "unspecified"
avx512 = "unspecified"
amx = "unspecified"
mpx = "disabled"
pkru = "disabled"

[[sgx.trusted_files]]
uri = "file:/.caisson/premain"
sha256 = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

[[sgx.trusted_files]]
uri = "file:/usr/bin/redis-server"
sha256 = "abababababababababababababababababababababababababababababababab"
"""


def test_the_manifest_is_written_as_its_reference_says():
    assert EXAMPLE.encode().decode() == WRITTEN


def test_the_example_in_the_reference_is_what_is_written():
    page = (Path(__file__).parents[3] / "docs" / "reference" / "image.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    raw = example.replace('"…"', f'"{"0" * 64}"').encode()
    assert Manifest.parse(raw).encode() == raw


@given(MANIFESTS)
def test_what_is_written_is_read_back(manifest):
    raw = manifest.encode()
    assert Manifest.parse(raw) == manifest
    assert Manifest.parse(raw).encode() == raw


@given(MANIFESTS)
def test_measuring_reads_what_was_meant(manifest):
    parameters = EnclaveParameters.parse(manifest.encode())
    assert parameters.max_threads == manifest.sgx.max_threads
    assert parameters.debug == manifest.sgx.debug
    assert parameters.isvprodid == manifest.sgx.isvprodid
    assert parameters.cpu_features == manifest.sgx.cpu_features


def test_order_of_variables_and_files_does_not_matter():
    backwards = replace(
        EXAMPLE,
        loader=replace(EXAMPLE.loader, env=EXAMPLE.loader.env[::-1]),
        sgx=replace(EXAMPLE.sgx, trusted_files=EXAMPLE.sgx.trusted_files[::-1]),
    )
    assert backwards == EXAMPLE
    assert backwards.encode() == EXAMPLE.encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("[libos]", "[libos]\ncheck = true", id="unknown key"),
        pytest.param("[libos]", "[other]\n[libos]", id="unknown table"),
        pytest.param("[fs]\n", '[fs]\nroot = "x"\n', id="unknown key of fs"),
        pytest.param("uid = 0\n", "", id="missing key"),
        pytest.param("uid = 0", "uid = -1", id="negative user"),
        pytest.param("uid = 0", "uid = 4294967296", id="user over 32 bits"),
        pytest.param('log_level = "error"', 'log_level = "loud"', id="unknown log level"),
        pytest.param('"--port", "0"', '"--port", 0', id="argument that is a number"),
        pytest.param('"--port", "0"', '"--port", "\\u0000"', id="argument with a NUL"),
        pytest.param("passthrough = true", "passthrough = false", id="variable from nowhere"),
        pytest.param("passthrough = true", "passthrough = true\nvalue = 1", id="variable from two sides"),
        pytest.param('PATH = "/usr/bin"', "PATH = 1", id="variable that is a number"),
        pytest.param('PATH = "/usr/bin"', 'PATH = "a"\nPATH = "b"', id="variable twice"),
        pytest.param('type = "tmpfs"', 'type = "chroot"', id="mount from the host"),
        pytest.param('path = "/run/caisson"', 'path = "/run/caisson"\nuri = "file:/"', id="mount with a source"),
        pytest.param('enclave_size = "1G"', 'enclave_size = "3G"', id="size"),
        pytest.param('remote_attestation = "dcap"', 'remote_attestation = "epid"', id="attestation"),
        pytest.param("debug = false", "debug = 0", id="debug that is a number"),
        pytest.param('uri = "file:/usr', 'uri = "dev:/usr', id="trusted file that is none"),
        pytest.param('uri = "file:/usr/bin/redis-server"', 'uri = "file:/.caisson/premain"', id="trusted file twice"),
        pytest.param('sha256 = "ab', 'sha256 = "AB', id="hash in capitals"),
        pytest.param('sha256 = "ab', 'sha256 = "', id="short hash"),
        pytest.param('entrypoint = "/', 'entrypoint="/', id="another spelling"),
    ],
)
def test_one_change_for_the_worse_is_refused(old, new):
    assert old in WRITTEN
    with pytest.raises(Malformed):
        Manifest.parse(WRITTEN.replace(old, new, 1).encode())


def test_a_comment_changes_nothing_but_the_measurement():
    assert Manifest.parse(b"# made by hand\n" + WRITTEN.encode()) == EXAMPLE


@pytest.mark.parametrize("name", ["", "A B", "A=B", "Ä", "A.B", 'A"', "A\n"])
def test_a_variable_whose_name_would_need_quotes_is_refused(name):
    with pytest.raises(Malformed):
        EnvironmentVariable(name=name, value="")


def test_what_is_made_twice_is_refused():
    variable = EnvironmentVariable(name="A", value="1")
    with pytest.raises(Malformed):
        replace(EXAMPLE.loader, env=(variable, replace(variable, value=None)))
    file = EXAMPLE.sgx.trusted_files[0]
    with pytest.raises(Malformed):
        replace(EXAMPLE.sgx, trusted_files=(file, replace(file, sha256="00" * 32)))
