"""Whom a judge asks for images."""

import httpx2
import pytest

from caisson.admission import Judge
from caisson.errors import Rejected, Unavailable
from caisson.oci import Access
from caisson.provenance import ImagePolicy

POLICY = b"""\
version = 1
runtimes = []
allow_debug = false
key_servers = []
allow_unpinned = false
products = []
"""


class Nobody(httpx2.BaseTransport):
    """A network on which nobody answers."""

    def __init__(self):
        self.asked = []

    def handle_request(self, request):
        self.asked.append(request.url.host)
        raise httpx2.ConnectError("nobody is there")


@pytest.fixture
def network():
    return Nobody()


@pytest.fixture
def judge(network):
    return lambda *registries: Judge(
        ImagePolicy.parse(POLICY), Access(transport=network), clock=lambda: 0.0, registries=registries
    )


@pytest.mark.parametrize(
    "image",
    [
        "evil.example/x:1",
        "good.example.evil.example/team/x:1",
        "good.example:444/team/x:1",
        "good.example/teams/x:1",
        "good.example/x:1",
        "team/x:1",
        "localhost/team/x:1",
        "127.0.0.1:8080/team/x@sha256:" + "ab" * 32,
    ],
)
def test_no_other_registry_is_asked(judge, network, image):
    with pytest.raises(Rejected, match=r"it is not in `good\.example/team` or `docker\.io/library`"):
        judge("good.example/team", "docker.io/library").judge(image)
    assert network.asked == []


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("good.example/team/x:1", "good.example"),
        ("good.example/team/a/b@sha256:" + "ab" * 32, "good.example"),
        ("redis", "registry-1.docker.io"),
    ],
)
def test_the_others_are(judge, network, image, host):
    with pytest.raises(Unavailable, match="cannot be reached"):
        judge("good.example/team", "docker.io/library").judge(image)
    assert set(network.asked) == {host}


def test_without_any_named_all_are(judge, network):
    with pytest.raises(Unavailable):
        judge().judge("evil.example/x:1")
    assert set(network.asked) == {"evil.example"}
