"""The measured manifest: written one way, read strictly."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.enclave import (
    AllowedIoctl,
    CpuFeatures,
    EnclaveParameters,
    EnvironmentVariable,
    ExposedKey,
    Feature,
    FileSystem,
    IoctlPart,
    IoctlStruct,
    LibOs,
    LibOsBinary,
    Loader,
    Manifest,
    MockedCall,
    Mount,
    Profile,
    Root,
    SealKey,
    Sgx,
    Sys,
    TrustedFile,
)
from caisson.enclave.manifest import KEYS, Security, find
from caisson.errors import Malformed

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAME = st.text("ABCabc019_-", min_size=1, max_size=10)
ID = st.integers(0, (1 << 32) - 1)
FEATURE = st.sampled_from(Feature)
FIXED_FEATURE = st.sampled_from([Feature.DISABLED, Feature.REQUIRED])
SHA256 = st.binary(min_size=32, max_size=32).map(bytes.hex)
FS_KEY = st.binary(min_size=16, max_size=16).map(bytes.hex)
URI = st.builds("{}:{}".format, st.sampled_from(["file", "dev"]), TEXT)
SIZE = st.sampled_from(["256K", "1M", "0x1000"])
NUMBER = st.integers(0, (1 << 63) - 1)
SIGNED = st.integers(-(1 << 63), (1 << 63) - 1)
MOUNTED = (
    {"type": st.just("tmpfs")},
    {"type": st.sampled_from(["chroot", "untrusted_shm"]), "uri": TEXT},
    {"type": st.just("encrypted"), "uri": TEXT, "key_name": TEXT, "enable_recovery": st.booleans()},
)
ENVIRONMENT = st.lists(
    st.builds(EnvironmentVariable, name=NAME, value=st.none() | TEXT), unique_by=lambda variable: variable.name
).map(tuple)
ARGUMENTS = (
    {"argv": st.lists(TEXT).map(tuple)},
    {"argv": st.just(()), "argv_src_file": URI},
    {"argv": st.just(()), "insecure__use_cmdline_argv": st.sampled_from([True])},
)
PARTS = st.builds(
    IoctlPart,
    name=st.none() | TEXT,
    alignment=st.none() | NUMBER,
    size=st.none() | NUMBER | TEXT,
    unit=st.none() | NUMBER,
    adjustment=st.none() | SIGNED,
    direction=st.sampled_from([None, "none", "out", "in", "inout"]),
    ptr=st.none() | TEXT,
    array_len=st.none() | NUMBER | TEXT,
    onlyif=st.none() | TEXT,
)
MANIFESTS = st.builds(
    Manifest,
    libos=st.builds(LibOs, entrypoint=TEXT, check_invalid_pointers=st.booleans()),
    loader=st.one_of(
        st.builds(
            Loader,
            **arguments,
            env=ENVIRONMENT,
            uid=ID,
            gid=ID,
            log_level=st.sampled_from(["none", "error", "all"]),
            entrypoint=st.none() | st.builds(LibOsBinary, uri=URI, sha256=st.none() | SHA256),
            env_src_file=st.none() | URI,
            insecure__use_host_env=st.booleans(),
            insecure__disable_aslr=st.booleans(),
            log_file=st.none() | TEXT,
        )
        for arguments in ARGUMENTS
    ),
    fs=st.builds(
        FileSystem,
        start_dir=TEXT,
        mounts=st.lists(st.one_of(st.builds(Mount, path=TEXT, **mounted) for mounted in MOUNTED)).map(tuple),
        root=st.none() | st.one_of(st.builds(Root, **mounted) for mounted in MOUNTED),
        insecure__keys=st.lists(st.builds(ExposedKey, name=NAME, value=FS_KEY), unique_by=lambda key: key.name).map(
            tuple
        ),
    ),
    sgx=st.builds(
        Sgx,
        enclave_size=st.sampled_from(["1G", "0x20000000", "512M"]),
        max_threads=st.integers(1, 4096),
        isvprodid=st.integers(0, 0xFFFF),
        isvsvn=st.integers(0, 0xFFFF),
        trusted_files=st.lists(
            st.builds(TrustedFile, uri=TEXT.map("file:".__add__), sha256=SHA256), unique_by=lambda file: file.uri
        ).map(tuple),
        debug=st.booleans(),
        edmm_enable=st.booleans(),
        remote_attestation=st.sampled_from(["none", "dcap"]),
        cpu_features=st.builds(
            CpuFeatures, avx=FEATURE, avx512=FEATURE, amx=FEATURE, mpx=FIXED_FEATURE, pkru=FIXED_FEATURE
        ),
        file_check_policy=st.sampled_from(["strict", "allow_all_but_log"]),
        allowed_files=st.lists(TEXT).map(tuple),
        use_exinfo=st.booleans(),
        insecure__allow_memfaults_without_exinfo=st.booleans(),
        insecure__rpc_thread_num=NUMBER,
        enable_stats=st.booleans(),
        vtune_profile=st.booleans(),
        seal_key=st.builds(SealKey, flags_mask=st.sampled_from(["0xffffffffffffffff", "0x1"])),
        profile=st.builds(
            Profile,
            enable=st.sampled_from(["none", "main", "all"]),
            mode=st.sampled_from(["aex", "ocall_inner", "ocall_outer"]),
            with_stack=st.booleans(),
            frequency=st.integers(1, 250),
        ),
    ),
    sys=st.builds(
        Sys,
        disallow_subprocesses=st.booleans(),
        enable_sigterm_injection=st.booleans(),
        enable_extra_runtime_domain_names_conf=st.booleans(),
        experimental__enable_flock=st.booleans(),
        insecure__allow_eventfd=st.booleans(),
        stack_size=SIZE,
        brk_max_size=SIZE,
        fds_limit=NUMBER,
        allowed_ioctls=st.lists(st.builds(AllowedIoctl, request_code=NUMBER, struct=st.none() | TEXT)).map(tuple),
        ioctl_structs=st.lists(
            st.builds(IoctlStruct, name=NAME, parts=st.lists(PARTS, min_size=1, max_size=3).map(tuple)),
            unique_by=lambda layout: layout.name,
        ).map(tuple),
        debug__mock_syscalls=st.lists(st.builds(MockedCall, name=TEXT, returned=SIGNED)).map(tuple),
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
    page = (Path(__file__).parents[4] / "docs" / "reference" / "image.md").read_text()
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
        pytest.param("[libos]", "[sys]\nnew = 1\n[libos]", id="unknown key of sys"),
        pytest.param("[libos]", '[sys.stack]\nsize = "much"\n[libos]', id="stack without a size"),
        pytest.param("[libos]", '[loader.entrypoint]\nsha256 = "00"\n[libos]', id="library OS from nowhere"),
        pytest.param("[fs]", '[fs.root]\ntype = "tmpfs"\nuri = "file:/"\n[fs]', id="root in memory with a source"),
        pytest.param("[fs]", '[fs.insecure__keys]\ndefault = "0"\n[fs]', id="short key"),
        pytest.param('type = "tmpfs"', 'type = "tmpfs"\nenable_recovery = true', id="recovery of memory"),
        pytest.param('type = "tmpfs"', 'type = "tmpfs"\nkey_name = "x"', id="key for memory"),
        pytest.param('type = "tmpfs"', 'type = "encrypted"\nuri = "file:/x"', id="encrypted without a key"),
        pytest.param("uid = 0", 'uid = 0\nargv_src_file = "file:a"', id="arguments from two sides"),
        pytest.param("debug = false", "debug = false\npreheat_enclave = 1", id="number for a switch"),
        pytest.param("edmm_enable = false", "edmm_enable = true\npreheat_enclave = true", id="preheating nothing"),
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


def test_every_key_of_gramine_is_known():
    """By the schema of Gramine 1.9 (python/graminelibos/manifest_check.py), written down here once more."""
    mount = ["type", "uri", "key_name", "enable_recovery"]
    part = ["name", "alignment", "size", "unit", "adjustment", "direction", "ptr", "array_len", "onlyif"]
    schema = {
        "libos": ["entrypoint", "check_invalid_pointers"],
        "loader": [
            *("argv", "argv_src_file", "env_src_file", "gid", "uid", "log_file", "log_level"),
            *("insecure__use_cmdline_argv", "insecure__use_host_env", "insecure__disable_aslr"),
            *("entrypoint.uri", "entrypoint.sha256", "env.A", "env.A.value", "env.A.passthrough"),
        ],
        "fs": [
            *("start_dir", "insecure__keys.default", "mounts[7].path"),
            *(f"root.{name}" for name in mount),
            *(f"mounts[0].{name}" for name in mount),
        ],
        "sgx": [
            *("allowed_files", "debug", "edmm_enable", "enable_stats", "enclave_size", "file_check_policy"),
            *("insecure__allow_memfaults_without_exinfo", "insecure__rpc_thread_num", "isvprodid", "isvsvn"),
            *("max_threads", "preheat_enclave", "remote_attestation", "use_exinfo", "vtune_profile"),
            *(f"cpu_features.{name}" for name in ("avx", "avx512", "amx", "mpx", "pkru")),
            *(f"profile.{name}" for name in ("enable", "mode", "with_stack", "frequency")),
            *(f"seal_key.{name}" for name in ("flags_mask", "xfrm_mask", "misc_mask")),
            *("trusted_files[0]", "trusted_files[0].uri", "trusted_files[0].sha256"),
        ],
        "sys": [
            *("disallow_subprocesses", "enable_extra_runtime_domain_names_conf", "enable_sigterm_injection"),
            *("experimental__enable_flock", "insecure__allow_eventfd", "brk.max_size", "stack.size", "fds.limit"),
            *("allowed_ioctls[0].request_code", "allowed_ioctls[0].struct"),
            *("debug__mock_syscalls[0].name", "debug__mock_syscalls[0].return"),
            *(f"ioctl_structs.x[0].{name}" for name in part),
        ],
    }
    found = {find(f"{table}.{name}") for table, names in schema.items() for name in names}
    assert found == set(KEYS)


def test_what_gramine_does_not_know_is_no_key():
    assert find("sgx.thread_num") is None
    assert find("loader.env") is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("sgx.trusted_files[0].uri", "sgx.trusted_files[].uri"),
        ("sgx.trusted_files[33931].sha256", "sgx.trusted_files[].sha256"),
        ('loader.env."A[7]"', "loader.env.*"),
        ("loader.env.A[7]", None),
        ("sgx.trusted_files[x].uri", None),
        ("sgx.trusted_files[-1].uri", None),
        ("sgx.trusted_files.uri", None),
    ],
)
def test_a_key_is_found_by_the_path_of_its_instance(path, name):
    found = find(path)
    assert (None if found is None else found.name) == name


def test_a_key_that_everyone_can_read_is_not_repeated_in_logs():
    assert "aa" not in repr(ExposedKey(name="default", value="aa" * 16))


def test_a_layout_inside_another_one_is_refused():
    with pytest.raises(Malformed):
        IoctlPart(ptr=["not a name"])


def test_a_manifest_over_16_mib_is_not_written():
    long = replace(EXAMPLE, libos=LibOs(entrypoint="/" + "x" * (16 << 20)))
    with pytest.raises(Malformed, match="over the limit"):
        long.encode()


def test_every_class_has_words():
    assert all(each.words for each in Security)


def test_a_layout_without_parts_is_refused():
    with pytest.raises(Malformed):
        IoctlStruct(name="empty", parts=())


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
