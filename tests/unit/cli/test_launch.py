"""What a confidential image is started with, and what its end means."""

from dataclasses import replace
from pathlib import Path

import pytest

from caisson.cli.launch import PLATFORM_SOCKET, Deployment, require_success
from caisson.engine import Bind
from caisson.errors import Rejected, Unavailable, UsageError

CONFIG = {"User": "101:102", "Labels": {"org.caisson.tmpfs": "/run/caisson,/tmp"}, "Volumes": {"/data": {}, "/a/b": {}}}
DEPLOYMENT = Deployment(
    image="i", name="n", workload="w", key_server="https://server", platform_socket=Path("/platform.sock")
)


class Engine:
    """Holds one image, and remembers what it was told to run."""

    def __init__(self, config):
        self.config = config
        self.spec = None

    def image_config(self, reference):
        assert reference == "i"
        return self.config

    def run(self, spec):
        self.spec = spec
        return "c1"


def start(deployment=DEPLOYMENT, **changes):
    engine = Engine(CONFIG | changes)
    assert deployment.start(engine) == "c1"
    return engine.spec


def test_it_is_told_who_it_is_and_whom_to_ask():
    assert start().environment == {"CAISSON_KEY_SERVER": "https://server", "CAISSON_WORKLOAD": "w"}
    assert start(replace(DEPLOYMENT, workload=None)).environment == {"CAISSON_KEY_SERVER": "https://server"}


def test_secrets_go_to_memory_that_is_the_programs_own():
    spec = start()
    assert (spec.tmpfs, spec.owner) == (("/run/caisson", "/tmp"), (101, 102))


def test_every_volume_of_the_image_is_named_for_the_container():
    assert start().binds == (
        Bind(source="/platform.sock", target=PLATFORM_SOCKET),
        Bind(source="caisson-n-a-b", target="/a/b"),
        Bind(source="caisson-n-data", target="/data"),
    )


def test_a_volume_that_is_named_keeps_its_name():
    assert Bind(source="mine", target="/data") in start(replace(DEPLOYMENT, volumes={"/data": "mine"})).binds


def test_a_volume_that_the_image_does_not_have_is_refused():
    with pytest.raises(UsageError, match="no volume `/other`"):
        start(replace(DEPLOYMENT, volumes={"/other": "mine"}))


@pytest.mark.parametrize("labels", [None, {}, {"maintainer": "me"}])
def test_a_plain_image_is_refused(labels):
    with pytest.raises(UsageError, match="not a confidential image"):
        start(Labels=labels)


@pytest.mark.parametrize(("user", "owner"), [("", (0, 0)), (None, (0, 0)), ("5", (5, 0)), ("5:6", (5, 6))])
def test_the_owner_is_the_images_user(user, owner):
    assert start(User=user).owner == owner


def test_a_user_without_a_number_is_refused():
    with pytest.raises(UsageError, match="not numeric"):
        start(User="redis")


def test_success_says_nothing():
    require_success(0, "whatever")


@pytest.mark.parametrize(
    ("status", "kind"), [(81, Rejected), (88, Rejected), (92, Rejected), (93, Unavailable), (99, Rejected)]
)
def test_only_nobody_to_decide_is_no_verdict(status, kind):
    output = "caisson premain: launch\ncaisson premain: x: error: why\ncaisson premain: hint: do this\n"
    with pytest.raises(kind) as failure:
        require_success(status, output)
    assert type(failure.value) is kind
    assert failure.value.message == f"activation ended with status {status}: x: error: why"
    assert failure.value.hint == "do this"


@pytest.mark.parametrize(
    ("status", "output"), [(1, "caisson premain: ready\n"), (88, ""), (93, "error: mine\n"), (137, "")]
)
def test_a_program_that_ends_by_itself_is_not_taken_for_premain(status, output):
    with pytest.raises(Rejected, match=f"the program ended with status {status}"):
        require_success(status, output)
