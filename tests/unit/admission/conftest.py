"""A judge that knows two images, and pods for it."""

from dataclasses import replace

import pytest

from caisson.admission import Gate, Needs
from caisson.deploy import HostAesmd, PlatformSocket
from caisson.deploy.image import HealthCheck
from caisson.errors import Rejected, Unavailable
from tests.unit.deploy.golden import IMAGE, SGX

GOOD = "registry.example/redis:7.0"
PINNED = str(IMAGE.pin)


class Known:
    """Accepts one image by its tag and by its digest."""

    def __init__(self, image):
        self.image = image
        self.asked = []

    def judge(self, image):
        self.asked.append(image)
        if image in (GOOD, PINNED):
            return self.image
        if image == "away/x:1":
            raise Unavailable("the registry does not answer")
        raise Rejected(f"`{image}` is not accepted")


@pytest.fixture
def software():
    return Needs(flavour="nodevice", key_server="https://keys:8443", evidence=PlatformSocket(path="/srv/p.sock"))


@pytest.fixture
def gate(software):
    return Gate(Known(replace(IMAGE, volumes=("/data",))), software, beside=frozenset({"r/proxy@sha256:" + "0" * 64}))


@pytest.fixture
def checked_gate(software):
    health = HealthCheck(command=("/usr/bin/redis-cli", "ping"), interval=5, timeout=5, start_period=5, retries=3)
    return Gate(Known(replace(IMAGE, health=health)), software)


@pytest.fixture
def sgx_gate():
    needs = Needs(flavour="intel-plain", key_server="https://keys:8443", evidence=HostAesmd())
    return Gate(Known(SGX.image), needs)
