"""Each rule finds what it is for, and nothing in a manifest where that one thing is right."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.enclave.manifest import RULES, Contents, Foreign, Origin, Service, Severity, Subject, lint
from caisson.errors import Malformed

GOOD = """
libos.entrypoint = "/.caisson/premain"
loader.argv = ["premain", "/usr/bin/python3", "python3", "/app/main.py"]
loader.env.PATH = "/usr/bin"
loader.env.TZ = { passthrough = true }
loader.env.CAISSON_KEY_SERVER_PIN = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
loader.env.CAISSON_TLS_KEY = "/run/caisson/tls/key.pem"
loader.env.GPG_KEY = "A035C8C19219BA821ECEA86B64E628F8D684696D"
fs.start_dir = "/data"
fs.mounts = [
  { type = "tmpfs", path = "/run/caisson" },
  { type = "encrypted", path = "/data", uri = "file:/data", key_name = "data" },
]
sgx.enclave_size = "1G"
sgx.max_threads = 16
sgx.remote_attestation = "dcap"
sgx.isvprodid = 17
sgx.isvsvn = 1
sgx.trusted_files = ["file:/usr/bin/python3", "file:/app/", "file:/etc/app/app.conf"]
sgx.allowed_files = ["file:/var/log/app.log"]
"""
SECRET = "tG7xQ2mZ9pL4vN8sR1wK6yB3"

# Rule, what to replace in the good manifest, and by what. Each of them is the bad example; GOOD is the good one.
BAD = [
    ("L26", '{ type = "tmpfs", path = "/run/caisson" }', '{ type = "tmpfs", path = "/run/caisson", key_name = "k" }'),
    ("L26", "sgx.isvsvn = 1", "sgx.isvsvn = 1\nsgx.edmm_enable = {}"),
    ("L26", "sgx.isvsvn = 1", "sgx.isvsvn = 1\nsgx.unknown = {}"),
    ("L29", 'libos.entrypoint = "/.caisson/premain"', ""),
    ("L29", '{ type = "tmpfs", path = "/run/caisson" }', '{ type = "tmpfs" }'),
    ("L29", 'type = "encrypted", path = "/data", uri = "file:/data"', 'type = "encrypted", path = "/data"'),
    ("L29", '"file:/app/"', '{ sha256 = "" }'),
    ("L01", 'sgx.enclave_size = "1G"', 'sgx.enclave_size = "1G"\nsgx.debug = true'),
    ("L02", "file:/var/log/app.log", "file:/var/log/"),
    ("L02", "file:/var/log/app.log", "file:/plugins/plugin.so.1"),
    ("L02", "file:/var/log/app.log", "file:"),
    ("L03", 'fs.start_dir = "/data"', 'fs.insecure__keys.default = "ffeeddccbbaa99887766554433221100"'),
    ("L04", "sgx.isvsvn = 1", "sgx.isvsvn = 1\nloader.insecure__use_host_env = true"),
    ("L04", "sgx.isvsvn = 1", "sgx.isvsvn = 1\nloader.insecure__use_cmdline_argv = true"),
    ("L05", "file:/etc/app/app.conf", "file:/etc/app/server.key"),
    ("L05", "file:/etc/app/app.conf", "file:/home/app/.ssh/id_ed25519"),
    ("L06", 'sgx.remote_attestation = "dcap"', 'sgx.remote_attestation = "none"'),
    ("L06", 'sgx.remote_attestation = "dcap"', ""),
    ("L07", 'loader.env.PATH = "/usr/bin"', 'loader.env.DB_PASSWORD = "hunter2"'),
    ("L07", 'loader.env.PATH = "/usr/bin"', 'loader.env.DATABASE = "postgres://app:hunter2@db/app"'),
    ("L07", 'loader.env.PATH = "/usr/bin"', 'loader.env.DATABASE_URL = "postgres://app:hunter2@db/app"'),
    ("L07", 'loader.env.PATH = "/usr/bin"', f'loader.env.SALT = "{SECRET}"'),
    ("L08", 'loader.env.PATH = "/usr/bin"', "loader.env.LD_PRELOAD = { passthrough = true }"),
    ("L08", 'loader.env.PATH = "/usr/bin"', "loader.env.PATH = { passthrough = true }"),
    ("L09", "file:/var/log/app.log", "file:/etc/app/app.conf"),
    ("L10", "sgx.isvprodid = 17", "sgx.isvprodid = 0"),
    ("L10", "sgx.isvsvn = 1", ""),
    ("L11", '"/usr/bin/python3", "python3", "/app/main.py"', '"/bin/sh", "sh"'),
    ("L12", 'key_name = "data"', 'key_name = "_sgx_mrenclave"'),
    ("L12", 'key_name = "data"', 'key_name = "_sgx_mrsigner"'),
    ("L13", '"file:/app/", ', ""),
    ("L14", "sgx.isvsvn = 1", 'sgx.isvsvn = 1\nloader.log_level = "debug"'),
    ("L14", "sgx.isvsvn = 1", 'sgx.isvsvn = 1\nsgx.profile.enable = "main"'),
    ("L14", "sgx.isvsvn = 1", "sgx.isvsvn = 1\nsgx.enable_stats = true"),
    ("L15", "sgx.isvsvn = 1", "sgx.isvsvn = 1\nsys.insecure__allow_eventfd = true"),
    ("L15", "sgx.isvsvn = 1", "sgx.isvsvn = 1\nsys.experimental__enable_flock = true"),
    ("L15", "sgx.isvsvn = 1", 'sgx.isvsvn = 1\nsys.debug__mock_syscalls = [{ name = "sched_yield" }]'),
    ("L16", "file:/etc/app/app.conf", "file:/etc/"),
    ("L16", "file:/var/log/app.log", "file:/etc/resolv.conf"),
    ("L18", "sgx.max_threads = 16", "sgx.thread_num = 16"),
    ("L18", 'sgx.remote_attestation = "dcap"', 'sgx.remote_attestation = "epid"'),
    ("L18", "sgx.isvsvn = 1", 'sgx.isvsvn = 1\nfs.mount.lib.path = "/lib"'),
    ("L18", "sgx.isvsvn = 1", 'sgx.isvsvn = 1\nloader.entrypoint = "file:libsysdb.so"'),
    ("L19", 'sgx.enclave_size = "1G"', 'sgx.enclave_size = "768M"'),
    ("L19", "sgx.max_threads = 16", "sgx.max_threads = 2"),
    ("L19", 'loader.env.PATH = "/usr/bin"', 'loader.env.JAVA_TOOL_OPTIONS = "-Xmx2g"'),
    ("L19", '"/app/main.py"', '"/app/main.py", "--max-old-space-size=4096"'),
    ("L23", 'loader.env.PATH = "/usr/bin"', 'loader.env.SECRET_PROVISION_SERVERS = "kms:4433"'),
    ("L23", "loader.env.CAISSON_KEY_SERVER_PIN", "loader.env.CAISSON_KEY_SERVER"),
    ("L25", "sgx.isvsvn = 1", 'sgx.isvsvn = 1\nloader.argv_src_file = "file:args"'),
    ("L25", "sgx.isvsvn = 1", 'sgx.isvsvn = 1\nloader.env_src_file = "file:env"'),
    ("L26", "sgx.isvsvn = 1", "sgx.isvsvn = 1\nsgx.max_thread = 4"),
    ("L26", "sgx.isvsvn = 1", 'sgx.isvsvn = 1\nsgx.use_exinfo = "yes"'),
    ("L27", "sgx.isvsvn = 1", 'sgx.isvsvn = 1\nsgx.file_check_policy = "allow_all_but_log"'),
    ("L28", 'type = "tmpfs", path = "/run/caisson"', 'type = "untrusted_shm", path = "/dev/shm", uri = "dev:/dev/shm"'),
    (
        "L28",
        '{ type = "tmpfs", path = "/run/caisson" }',
        '{ type = "encrypted", path = "/log", uri = "file:/data/log", key_name = "log" }',
    ),
]
SURROUNDED = [
    ("L05", {"contents": Contents(private_keys=("/etc/ssl/private/host.pem",))}),
    ("L17", {"service": Service(volumes=("/var/lib/app",))}),
    ("L20", {"contents": Contents(tools=("/usr/bin/gcc",))}),
    ("L21", {"contents": Contents(unsupported="debian 9")}),
    ("L21", {"origin": Origin(reference="docker://example.org/app:1", by_digest=False, signed=True)}),
    ("L21", {"origin": Origin(reference="oci:app", by_digest=True, signed=False)}),
    ("L22", {"service": Service(ports=(5432,))}),
    ("L24", {"exposed": ("services.app.privileged: it is privileged",)}),
]
GOOD_SUBJECT = Subject(
    manifest=Foreign.parse(GOOD.encode()),
    service=Service(ports=(5432,), has_tls_key=True, volumes=("/data", "/data/wal")),
    origin=Origin(reference="docker://example.org/app@sha256:00", by_digest=True, signed=True),
)


def found_in(subject):
    return {finding.rule.id for finding in lint(subject)}


def test_nothing_is_found_where_all_is_good():
    assert lint(GOOD_SUBJECT) == ()


@pytest.mark.parametrize(("rule", "old", "new"), BAD)
def test_one_bad_thing_in_the_manifest_is_found(rule, old, new):
    assert old in GOOD
    bad = replace(GOOD_SUBJECT, manifest=Foreign.parse(GOOD.replace(old, new, 1).encode()))
    assert rule in found_in(bad)


@pytest.mark.parametrize(("rule", "around"), SURROUNDED)
def test_one_bad_thing_around_the_manifest_is_found(rule, around):
    assert found_in(replace(GOOD_SUBJECT, **around)) == {rule}


def test_every_rule_has_a_bad_example():
    assert {rule.id for rule in RULES} == {rule for rule, *_ in (*BAD, *SURROUNDED)}


def test_rules_have_ids_of_their_own_and_words_for_people():
    assert len({rule.id for rule in RULES}) == len(RULES) == 29
    for rule in RULES:
        assert rule.title
        assert rule.reason[-1] != "."
        assert rule.fix[-1] != "."


def test_the_worst_comes_first():
    bad = GOOD.replace("sgx.isvsvn = 1", 'sgx.debug = true\nloader.log_level = "all"')
    severities = [finding.rule.severity for finding in lint(Subject(manifest=Foreign.parse(bad.encode())))]
    assert severities == sorted(severities, reverse=True)
    assert Severity.CRITICAL in severities


def test_what_a_template_fills_in_later_is_not_held_against_it():
    template = GOOD.replace("sgx.max_threads = 16", "sgx.max_threads = {{ threads }}").replace(
        'sgx.enclave_size = "1G"', 'sgx.enclave_size = "{{ size }}"\n{% if x %}\nloader.uid = "{{ uid }}"\n{% endif %}'
    )
    assert found_in(Subject(manifest=Foreign.parse(template.encode()))) == set()


def test_a_script_below_the_working_directory_is_looked_for_there():
    named = GOOD.replace('"/app/main.py"', '"main.py"')
    assert found_in(Subject(manifest=Foreign.parse(named.encode()))) == set()  # /data is encrypted
    elsewhere = named.replace('fs.start_dir = "/data"', 'fs.start_dir = "/srv"')
    assert found_in(Subject(manifest=Foreign.parse(elsewhere.encode()))) == {"L13"}


def test_without_the_guest_agent_the_entry_point_is_the_program():
    own = GOOD.replace("/.caisson/premain", "/bin/bash").replace(
        '"premain", "/usr/bin/python3", "python3", "/app/main.py"', '"bash"'
    )
    assert "L11" in found_in(Subject(manifest=Foreign.parse(own.encode())))


def test_a_heap_that_is_no_size_is_nobodys_business_here():
    odd = GOOD.replace('"/app/main.py"', '"/app/main.py", "-Xmxlots"')
    assert found_in(Subject(manifest=Foreign.parse(odd.encode()))) == set()


def test_a_finding_tells_rule_severity_place_and_reason():
    (finding,) = lint(replace(GOOD_SUBJECT, exposed=("services.app: it is privileged",)))
    assert str(finding).startswith("L24 high: services.app: it is privileged: ")


VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.text("abc:/._{}", max_size=8)),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text("abc_", min_size=1, max_size=4), below, max_size=3)
    ),
    max_leaves=6,
)
NAMES = [
    *("libos.entrypoint", "loader.argv", "loader.env", "loader.log_level", "loader.entrypoint", "fs.mounts", "fs.root"),
    *("fs.start_dir", "fs.insecure__keys", "sgx.trusted_files", "sgx.allowed_files", "sgx.enclave_size"),
    *("sgx.max_threads", "sgx.remote_attestation", "sgx.isvsvn", "sgx.profile", "sgx.protected_files"),
    *("sys.stack", "sys.ioctl_structs"),
]


@given(
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), st.dictionaries(st.sampled_from(["sgx", "fs"]), VALUES)
)
def test_whatever_a_manifest_says_there_is_an_answer(values, tables):
    document = dict(tables)
    for name, value in values.items():
        table, _, key = name.partition(".")
        if isinstance(document.setdefault(table, {}), dict):
            document[table][key] = value
    foreign = Foreign(document=document)
    try:
        list(foreign.settings())
    except Malformed:
        return
    lint(Subject(manifest=foreign))
