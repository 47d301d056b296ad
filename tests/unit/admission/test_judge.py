"""Whom a judge asks for images, and what an image may cost."""

import json
import threading
from dataclasses import replace
from hashlib import sha256

import httpx2
import pytest

from caisson.admission import Judge
from caisson.admission import judge as judge_module
from caisson.errors import Rejected, Unavailable
from caisson.oci import Access, MediaType
from caisson.provenance import ImagePolicy
from tests.registry import HOST, IMPATIENT, MemoryRegistry

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


CONFIG = b"{}"


@pytest.fixture
def registry():
    return MemoryRegistry()


@pytest.fixture
def bounded(registry):
    """Make a judge of the registry in memory."""
    policy, access = ImagePolicy.parse(POLICY), Access(transport=registry, retry=IMPATIENT)
    return lambda clock=lambda: 0.0, **bounds: Judge(policy, replace(access, clock=clock), clock=clock, **bounds)


def push(registry, layers, config=CONFIG):
    """Push a manifest with layers of these sizes, all of them the same missing blob."""
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MediaType.MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": f"sha256:{sha256(config).hexdigest()}",
                "size": len(config),
            },
            "layers": [
                {"mediaType": MediaType.LAYER_GZIP, "digest": "sha256:" + "ab" * 32, "size": size} for size in layers
            ],
        }
    ).encode()
    registry.manifests["x", "1"] = registry.manifests["x", f"sha256:{sha256(raw).hexdigest()}"] = (
        MediaType.MANIFEST,
        raw,
    )
    registry.blobs["x", f"sha256:{sha256(config).hexdigest()}"] = config
    return f"{HOST}/x:1"


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ([5 << 30, 4 << 30], "image has layers of 9663676416 bytes, and at most 8589934592 are read"),
        ([1] * 10_000, "image has more than 1000 layers"),
    ],
)
def test_an_image_that_is_too_large_is_refused_before_its_layers_are_read_and_not_looked_at_again(
    registry, bounded, layers, why
):
    image, judge = push(registry, layers), bounded()
    for _ in range(2):
        with pytest.raises(Rejected, match=f"^`docker://{HOST}/x@sha256:[0-9a-f]{{64}}`: {why}$"):
            judge.judge(image)
    assert registry.count("GET", "/blobs/") == 0
    assert registry.count("GET", "/manifests/sha256:") == 1


def test_how_large_an_image_may_be_can_be_said(registry, bounded):
    image = push(registry, [600_000, 400_000])
    with pytest.raises(Rejected, match="image has layers of 1000000 bytes, and at most 999999 are read"):
        bounded(most_bytes=999_999).judge(image)


def test_whoever_sends_more_than_the_manifest_said_is_not_read_to_the_end(registry, bounded):
    image = push(registry, [10], config=bytes(2000))
    with pytest.raises(Rejected, match="image and what is attached to it have more than 2000 bytes"):
        bounded(most_bytes=2000).judge(image)


def test_a_registry_that_takes_too_long_gives_no_verdict_and_none_is_remembered(registry, bounded):
    now = [0.0]
    image, judge = push(registry, [10]), bounded(lambda: now[0], most_seconds=60)

    def slowly(_request):
        now[0] += 61

    for _ in range(2):
        registry.strike("GET", "/blobs/", slowly)
        with pytest.raises(Unavailable, match="image takes longer than 60 seconds to read"):
            judge.judge(image)
    assert registry.count("GET", "/blobs/") == 2


def test_a_question_does_not_wait_longer_for_its_turn_than_anybody_waits_for_the_answer(registry, bounded, monkeypatch):
    monkeypatch.setattr(judge_module, "API_PATIENCE", 0.01)
    image, judge = push(registry, [10]), bounded()
    reached, release = threading.Event(), threading.Event()

    def held(_request):
        reached.set()
        release.wait(10)

    def first():
        with pytest.raises(Rejected):
            judge.judge(image)

    registry.strike("GET", "/blobs/", held)
    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert reached.wait(10)
        with pytest.raises(Unavailable, match="other images are being verified"):
            judge.judge(image)
    finally:
        release.set()
        thread.join()
