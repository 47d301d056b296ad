"""A confidential image, and a deployment of it that every platform takes."""

import pytest

from caisson.deploy import Deployment, HealthCheck, HostAesmd, ImagePin, MeasuredImage, PlatformSocket
from caisson.oci import Digest

DIGEST = Digest.parse("sha256:" + "ab" * 32)


@pytest.fixture
def image():
    return MeasuredImage(
        pin=ImagePin(repository="registry.example/redis", digest=DIGEST),
        workload="redis",
        runtime="native",
        uid=101,
        gid=102,
        tmpfs=("/run/caisson", "/tmp"),
        volumes=("/a/b", "/data"),
        ports=(6379,),
        enclave_size=1 << 30,
        health=HealthCheck(command=("/bin/check", "it's"), interval=10, timeout=5, start_period=30, retries=3),
    )


@pytest.fixture
def make(image):
    """Make a deployment; keyword arguments change it, `runtime` its image."""

    def make(**changes):
        if "runtime" in changes or "image_changes" in changes:
            from dataclasses import replace

            own = changes.pop("image_changes", {})
            if "runtime" in changes:
                own["runtime"] = changes.pop("runtime")
            changes["image"] = replace(image, **own)
        fields = {
            "image": image,
            "name": "redis",
            "key_server": "https://keys.example:8443",
            "evidence": PlatformSocket(path="/platform.sock"),
        }
        return Deployment(**fields | changes)

    return make


@pytest.fixture
def sgx(make):
    """Make a deployment for SGX hardware."""
    return lambda **changes: make(**{"runtime": "gramine", "evidence": HostAesmd()} | changes)
