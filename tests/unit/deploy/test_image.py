"""What a configuration says of its image, as far as a deployment goes by it."""

import pytest

from caisson.deploy import ImagePin, MeasuredImage
from caisson.errors import UsageError
from caisson.oci import Digest

PIN = ImagePin(digest=Digest.parse("sha256:" + "ab" * 32))
CONFIG = {
    "User": "101:102",
    "Labels": {"tmpfs": "/run/caisson,/tmp"},
    "Volumes": {"/data": {}, "/a/b": {}},
    "ExposedPorts": {"6379/tcp": {}, "53/udp": {}},
    "Env": ["CAISSON_WORKLOAD=redis"],
    "Entrypoint": ["/premain"],
}


def described(**changes):
    return MeasuredImage.described(PIN, CONFIG | changes, tmpfs_label="tmpfs", premain="/premain")


def test_the_configuration_tells_what_to_mount_and_as_whom():
    image = described()
    assert (image.tmpfs, image.uid, image.gid) == (("/run/caisson", "/tmp"), 101, 102)
    assert (image.volumes, image.ports, image.workload) == (("/a/b", "/data"), (6379,), "redis")
    assert image.runtime == "native"
    assert described(Entrypoint=["/loader"]).runtime == "gramine"


@pytest.mark.parametrize("labels", [None, {}, {"maintainer": "me"}])
def test_a_plain_image_is_refused(labels):
    with pytest.raises(UsageError, match="not a confidential image"):
        described(Labels=labels)


@pytest.mark.parametrize(("user", "owner"), [("", (0, 0)), (None, (0, 0)), ("5", (5, 0)), ("5:6", (5, 6))])
def test_the_owner_is_the_images_user(user, owner):
    assert (described(User=user).uid, described(User=user).gid) == owner


def test_a_user_without_a_number_is_refused():
    with pytest.raises(UsageError, match="not numeric"):
        described(User="redis")


@pytest.mark.parametrize("check", [None, {}, {"Test": []}, {"Test": ["NONE"]}, {"Test": ["CMD-SHELL", "true"]}])
def test_a_health_check_that_needs_a_shell_is_not_carried_over(check):
    assert described(Healthcheck=check).health is None


def test_a_health_check_has_times_in_seconds():
    check = {"Test": ["CMD", "/check", "-x"], "Interval": 10**10, "Timeout": 5 * 10**9, "Retries": 4}
    health = described(Healthcheck=check).health
    assert (health.command, health.interval, health.timeout) == (("/check", "-x"), 10, 5)
    assert (health.start_period, health.retries) == (0, 4)
    assert described(Healthcheck={"Test": ["CMD", "/check"]}).health.interval == 30


def test_an_image_without_a_repository_is_named_by_its_identifier():
    assert str(PIN) == "sha256:" + "ab" * 32
    assert str(ImagePin(repository="r/x", digest=PIN.digest)) == "r/x@sha256:" + "ab" * 32


@pytest.mark.parametrize(
    "path",
    [
        "/x,type=bind,source=/",  # `docker run --mount` takes the last of two values: the host's root
        "/x:exec,suid",
        '/x","type=bind',
        "/x\n",
        "x",
        "",
    ],
)
def test_a_path_that_would_be_more_than_one_is_refused(path):
    with pytest.raises(UsageError, match="no path for a mount"):
        described(Volumes={path: {}})


def test_memory_is_mounted_at_paths_only():
    with pytest.raises(UsageError, match="no path for a mount"):
        described(Labels={"tmpfs": "/run/caisson,/x:exec"})


@pytest.mark.parametrize("port", ["x/tcp", "/tcp", "0/tcp", "65536/tcp", "80-90/tcp", "-1/tcp", "\u0661/tcp"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(UsageError, match="no port"):
        described(ExposedPorts={port: {}})


@pytest.mark.parametrize("change", [{"Interval": "soon"}, {"Timeout": 1.5}, {"Retries": -1}, {"StartPeriod": [1]}])
def test_a_health_check_whose_times_are_none_is_refused(change):
    with pytest.raises(UsageError, match="check of its health"):
        described(Healthcheck={"Test": ["CMD", "/check"]} | change)


@pytest.mark.parametrize("test", ["CMD", {"CMD": 1}, 5])
def test_a_health_check_that_is_no_list_is_none(test):
    assert described(Healthcheck={"Test": test}).health is None
