"""What no platform could do, or would silently not do, is no deployment."""

import pytest

from caisson.deploy import HostAesmd, ImagePin, PlatformAddress, PlatformSocket, SidecarAesmd, Volume
from caisson.errors import UsageError
from caisson.oci import Digest
from caisson.protocol import ServerKeyHash

PIN, OTHER = ServerKeyHash.from_hex("11" * 32), ServerKeyHash.from_hex("22" * 32)
SIDECAR = SidecarAesmd(image=ImagePin(digest=Digest.parse("sha256:" + "cd" * 32)), pccs_url="https://pccs:8081")


@pytest.mark.parametrize("name", ["", "x", "Redis", "a.b", "a_b", "-a", "a-", "a b", "a" * 60, "ä", "a/b", "a\n"])
def test_a_name_that_some_platform_would_refuse_is_refused_for_all(make, name):
    with pytest.raises(UsageError, match="no name"):
        make(name=name)


@pytest.mark.parametrize(
    "url",
    ["", "keys:8443", "ftp://keys", "https://", "https://user@keys", "https://keys?x", "https://keys#x", "https://k:x"],
)
def test_what_the_guest_agent_would_not_take_as_key_server_is_refused(make, url):
    with pytest.raises(UsageError, match="not the URL of a key server"):
        make(key_server=url)


def test_a_pin_that_nothing_would_check_is_refused(make):
    with pytest.raises(UsageError, match="nothing would check"):
        make(key_server_pin=PIN)


def test_an_image_for_another_key_server_is_refused(make):
    assert make(key_server_pin=PIN, image_changes={"key_server_pin": PIN}).key_server_pin == PIN
    with pytest.raises(UsageError, match="is built for the key server 1111"):
        make(key_server_pin=OTHER, image_changes={"key_server_pin": PIN})


@pytest.mark.parametrize("evidence", [HostAesmd(), SIDECAR])
def test_no_aesmd_vouches_for_an_image_without_an_enclave(make, evidence):
    with pytest.raises(UsageError, match="only the software platform"):
        make(evidence=evidence)


def test_no_socket_of_the_host_reaches_into_gramine(make):
    with pytest.raises(UsageError, match="out of reach"):
        make(runtime="gramine")
    make(runtime="gramine", evidence=PlatformAddress(host="10.0.0.1", port=9000))


@pytest.mark.parametrize("path", ["", "relative", "/a,readonly", "/a:b", '/a"b', "/a\nb", "./a"])
def test_a_path_that_some_notation_would_take_apart_is_refused(path):
    with pytest.raises(UsageError, match="no path that can be mounted"):
        PlatformSocket(path=path)
    with pytest.raises(UsageError, match="no path that can be mounted"):
        HostAesmd(directory=path)


def test_a_relative_path_is_told_apart():
    with pytest.raises(UsageError) as failure:
        PlatformSocket(path="state/platform.sock")
    assert failure.value.hint == "write the whole path, from `/` on, as each host has it"


@pytest.mark.parametrize(("host", "port"), [("", 1), ("a b", 1), ("a", 0), ("a", 65536), ("a$b", 1)])
def test_an_address_that_is_none_is_refused(host, port):
    with pytest.raises(UsageError, match="no address"):
        PlatformAddress(host=host, port=port)


def test_a_volume_that_the_image_does_not_have_would_keep_nothing(make):
    with pytest.raises(UsageError, match="no volume `/other`") as failure:
        make(volumes=(Volume(path="/other", name="mine"),))
    assert failure.value.hint == "it has: `/a/b`, `/data`"


def test_one_path_has_one_volume(make):
    with pytest.raises(UsageError, match="two volumes"):
        make(volumes=(Volume(path="/data", name="one"), Volume(path="/data", name="two")))


@pytest.mark.parametrize("replicas", [0, -1, 1001])
def test_a_number_of_replicas_that_is_none_is_refused(make, replicas):
    with pytest.raises(UsageError, match="replicas"):
        make(replicas=replicas)


def test_replicas_have_names_and_volumes_of_their_own(make):
    deployment = make(replicas=2)
    assert deployment.replica_names() == ("redis-1", "redis-2")
    assert [v.name for name in deployment.replica_names() for v in deployment.volumes_of(name)] == [
        "caisson-redis-1-a-b",
        "caisson-redis-1-data",
        "caisson-redis-2-a-b",
        "caisson-redis-2-data",
    ]


def test_replicas_do_not_share_a_volume_by_accident(make):
    with pytest.raises(UsageError, match="share the volume `mine`"):
        make(replicas=2, volumes=(Volume(path="/data", name="mine"),))
