import pytest

from caisson.conversion import Recipe
from caisson.errors import Malformed, UsageError

MINIMAL = """
version = 1
name = "hello"
summary = "says hello"
[enclave]
size = "256M"
max_threads = 4
isv_prod_id = 1
isv_svn = 1
"""


def parse(text):
    return Recipe.parse(text.encode())


def test_a_recipe_needs_ten_lines():
    recipe = parse(MINIMAL)
    assert recipe.application.command is None
    assert recipe.tmpfs == ("/run/caisson",)
    assert recipe.enclave.debug is False
    assert recipe.enclave.date == "0000-00-00"


@pytest.mark.parametrize(
    ("addition", "word"),
    [
        ("extra = 1", "extra"),
        ("tmpfs = ['relative']", "tmpfs"),
        ("volumes = ['/a/../b']", "volumes"),
        ("ports = [0]", "ports"),
        ("[application]\npassthrough = ['LD_PRELOAD']", "passthrough"),
        ("[application]\npassthrough = ['PATH']", "passthrough"),
        ("[application]\nenvironment = { 'A-B' = 'x' }", "environment"),
        ("[[file]]\npath = '/.caisson/premain'\ncontent = ''", "file"),
        ("[[file]]\npath = '/etc/'\ncontent = ''", "file"),
        ("[[file]]\npath = '/etc/x'\nmode = '999'\ncontent = ''", "mode"),
        ("[application]\nenvironment = { CAISSON_RUNTIME = 'x' }", "reserved"),
        ("[healthcheck]\ncommand = []", "healthcheck"),
        ('[healthcheck]\nprobe = "tcp:1"\nends_with_certificate = true', "ends_with_certificate"),
        ('[healthcheck]\ncommand = ["/x"]\nends_with_certificate = true', "ends_with_certificate"),
        ("[source.debian]\nsuite = 'bookworm'\npackages = ['--option']", "packages"),
        ("[source.debian]\nsuite = '../x'\npackages = ['redis']", "suite"),
        ("[source.image]\nreference = 'redis'", "image"),
        ("[source.image]\nreference = 'docker.io/library/redis:7@sha256:0'", "image"),
        ("[source.image]\nreference = 'docker.io/library/redis:7'\napplication.passthrough = ['PATH']", "passthrough"),
        ("[source.image]\nreference = 'docker.io/library/redis:7'\nprovision = {}", "provision"),
    ],
)
def test_each_fault_is_named_by_its_place(addition, word):
    top, table = (addition, "") if not addition.startswith("[") else ("", addition)
    with pytest.raises(Malformed, match=word):
        parse(top + MINIMAL + table)


def test_the_size_of_an_enclave_is_a_power_of_two():
    with pytest.raises(Malformed, match="power of two"):
        parse(MINIMAL.replace("256M", "300M"))


def test_all_faults_are_named_at_once():
    with pytest.raises(Malformed) as failure:
        parse(MINIMAL.replace("256M", "lots").replace("isv_svn = 1", "isv_svn = 0"))
    assert "enclave.size" in failure.value.message
    assert "enclave.isv_svn" in failure.value.message


@pytest.mark.parametrize("raw", [b"\xff", b"version = ", b"[[", b"a = " + b"1" * 5000, b"a = " + b"[" * 5000])
def test_what_is_not_toml_is_malformed(raw):
    with pytest.raises(Malformed, match="not TOML"):
        Recipe.parse(raw)


def test_modes_are_octal_digits_or_integers():
    recipe = parse(MINIMAL + "[[file]]\npath = '/a'\nmode = '0640'\ncontent = ''")
    assert recipe.file[0].mode == 0o640


def test_provision_is_a_workload_but_for_its_secrets():
    recipe = parse(
        MINIMAL
        + """
[provision]
certificate = { dns = ["localhost"], ip = ["127.0.0.1"] }
[[provision.secret]]
name = "s"
kind = "password"
[[provision.file]]
path = "/run/caisson/secrets/s"
content = "{{ secret:s }}"
"""
    )
    assert recipe.provision.workload(name="hello", policy="P") == {
        "name": "hello",
        "policy": "P",
        "fs_keys": {},
        "file": [{"path": "/run/caisson/secrets/s", "mode": 0o400, "content": "{{ secret:s }}"}],
        "env": {},
        "argv": [],
        "certificate": {"dns": ["localhost"], "ip": ["127.0.0.1"]},
    }


def test_a_recipe_may_say_how_long_certificates_live():
    provision = parse(MINIMAL + "[provision.certificate]\nlifetime_hours = 168\n").provision
    document = provision.workload(name="hello", policy="P")
    assert document["certificate"] == {"dns": [], "ip": [], "lifetime_hours": 168}


def test_where_collateral_is_found_is_filled_in_for_a_program_that_verifies_evidence():
    provision = parse(MINIMAL + '[provision]\nenv = { PCS_URL = "{{ pcs }}", OTHER = "x" }\n').provision
    document = provision.workload(name="hello", policy="P", pcs="http://172.17.0.1:8081/")
    assert document["env"] == {"PCS_URL": "http://172.17.0.1:8081/", "OTHER": "x"}


FROM = "[[file]]\npath = '/etc/x.conf'\nfrom = {name}\n"


def read_beside(tmp_path, name, content=b"text\n"):
    (tmp_path / "x.conf").write_bytes(content)
    (tmp_path / "caisson.toml").write_text(MINIMAL + FROM.format(name=name))
    return Recipe.read(tmp_path / "caisson.toml")


def test_the_text_of_a_file_can_lie_beside_the_recipe(tmp_path):
    recipe = read_beside(tmp_path, "'x.conf'")
    assert recipe.file[0].content == "text\n"
    assert recipe == parse(MINIMAL + "[[file]]\npath = '/etc/x.conf'\ncontent = \"text\\n\"\n")


@pytest.mark.parametrize("name", ["'../x.conf'", "'/etc/passwd'", "'.hidden'", "''", "1", "'missing.conf'"])
def test_only_a_file_beside_the_recipe_is_taken(tmp_path, name):
    with pytest.raises(Malformed, match="file"):
        read_beside(tmp_path, name)


@pytest.mark.parametrize("content", [b"\xff", bytes((4 << 20) + 1)])
def test_a_file_beside_the_recipe_is_text_of_a_bounded_size(tmp_path, content):
    with pytest.raises(Malformed, match="file"):
        read_beside(tmp_path, "'x.conf'", content)


def test_a_file_has_one_text_only(tmp_path):
    (tmp_path / "caisson.toml").write_text(MINIMAL + FROM.format(name="'caisson.toml'") + "content = ''\n")
    with pytest.raises(Malformed, match="both"):
        Recipe.read(tmp_path / "caisson.toml")


def test_a_recipe_without_a_folder_takes_nothing_from_beside_it():
    with pytest.raises(Malformed, match="folder"):
        parse(MINIMAL + FROM.format(name="'x.conf'"))


DEBIAN = "[source.debian]\nsuite = 'bookworm'\npackages = ['redis-server']\n"
UPSTREAM = """
[source.image]
reference = "docker.io/library/redis:7.2"
application.command = ["/usr/local/bin/redis-server"]
files.trusted = []
healthcheck.command = ["/usr/local/bin/redis-cli"]
"""
OWN = """
[application]
command = ["/usr/bin/redis-server"]
user = "1:1"
[files]
trusted = ["/usr/share"]
modules = ["/usr/lib/*.so"]
[healthcheck]
probe = "tcp:1"
"""


def test_a_recipe_for_two_sources_is_taken_for_one():
    recipe = parse(MINIMAL + DEBIAN + UPSTREAM + OWN)
    debian, upstream = recipe.taken_from(upstream=False), recipe.taken_from(upstream=True)
    assert debian == parse(MINIMAL + DEBIAN + OWN)
    assert (upstream.source.debian, upstream.source.image.reference) == (None, "docker.io/library/redis:7.2")
    assert upstream.application.command == ("/usr/local/bin/redis-server",)
    assert upstream.application.user == "1:1"
    assert (upstream.files.trusted, upstream.files.modules) == ((), ("/usr/lib/*.so",))
    assert (upstream.healthcheck.probe, upstream.healthcheck.command) == (None, ("/usr/local/bin/redis-cli",))


def test_where_there_is_one_source_it_is_taken():
    only = parse(MINIMAL + UPSTREAM + OWN)
    assert only.taken_from(upstream=False) == only.taken_from(upstream=True)
    assert parse(MINIMAL + OWN).taken_from(upstream=False) == parse(MINIMAL + OWN)


def test_an_upstream_image_that_is_not_named_cannot_be_taken():
    with pytest.raises(UsageError, match="no upstream image"):
        parse(MINIMAL + DEBIAN).taken_from(upstream=True)
