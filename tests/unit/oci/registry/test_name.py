import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import CaissonError, UsageError
from caisson.oci import Digest, RegistryName
from caisson.oci.registry.name import is_loopback

DIGEST = Digest.of(b"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis", ("docker.io", "library/redis", "latest", None)),
        ("user/app:1", ("docker.io", "user/app", "1", None)),
        ("docker.io/redis", ("docker.io", "library/redis", "latest", None)),
        ("localhost/app", ("localhost", "app", "latest", None)),
        ("localhost:5000/a/b/c:v1", ("localhost:5000", "a/b/c", "v1", None)),
        ("[::1]:5000/app", ("[::1]:5000", "app", "latest", None)),
        ("h.test/app@" + str(DIGEST), ("h.test", "app", "", DIGEST)),
        ("h.test/app:v1@" + str(DIGEST), ("h.test", "app", "v1", DIGEST)),
    ],
)
def test_names_are_read_as_docker_reads_them(text, expected):
    name = RegistryName.parse(text)
    assert (name.host, name.repository, name.tag, name.digest) == expected
    assert RegistryName.parse(str(name)) == name


def test_docker_hub_answers_elsewhere():
    assert RegistryName.parse("redis").endpoint == "registry-1.docker.io"
    assert RegistryName.parse("h.test/redis").endpoint == "h.test"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Redis",
        "h.test/",
        "h.test/App",
        "h.test/app:",
        "h.test/app:-x",
        "h.test/app:" + "x" * 129,
        "h.test/app@sha256:00",
        "h.test/app@sha512:" + "0" * 128,
        "h.test/../app",
        "h.test/a//b",
        "h.test:0/app",
        "h.test:99999/app",
        "h.test:x/app",
        "user@h.test/app",
        "h.test/app?x",
        "h.test/app#x",
        "h.test/" + "a" * 300,
        "h.test/app\n",
        "https://h.test/app",
    ],
)
def test_what_is_no_name_is_refused(text):
    with pytest.raises(UsageError, match="no name"):
        RegistryName.parse(text)


@given(st.text(alphabet="ab.:/@-_[]19Aé\n ", max_size=40))
def test_every_text_is_a_name_that_reads_the_same_or_is_refused(text):
    try:
        name = RegistryName.parse(text)
    except CaissonError:
        return
    assert RegistryName.parse(str(name)) == name
    assert not set(name.host + name.repository + name.tag) & set("@\n é?#")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.9.9.9", True),
        ("[::1]:5000", True),
        ("localhost.test", False),
        ("128.0.0.1", False),
        ("127.0.0.1.test:80", False),
        ("[::2]", False),
    ],
)
def test_only_this_machine_is_loopback(host, expected):
    assert is_loopback(host) is expected
