"""What a deployment gives away is found in anyone's YAML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.deploy import exposures
from caisson.errors import Malformed

COMPOSE = """
services:
  app:
    image: example.org/app
    devices: [/dev/sgx_enclave:/dev/sgx_enclave]
    volumes: [data:/data]
  aesmd:
    devices: [/dev/sgx_enclave, /dev/sgx_provision]
"""
KUBERNETES = """
kind: Pod
spec:
  containers:
  - name: app
    resources: { limits: { sgx.intel.com/enclave: 1 } }
  volumes:
  - name: data
    hostPath: { path: /data }
"""


@pytest.mark.parametrize("text", [COMPOSE, KUBERNETES])
def test_nothing_is_found_where_nothing_is_given_away(text):
    assert exposures(text.encode()) == ()


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        (
            COMPOSE,
            "[/dev/sgx_enclave:/dev/sgx_enclave]",
            "[/dev/sgx_provision]",
            "services.app.devices.0: it gets the prov",
        ),
        (
            COMPOSE,
            "[/dev/sgx_enclave:/dev/sgx_enclave]",
            "[/dev/sgx/provision:/x]",
            "services.app.devices.0: it gets the pro",
        ),
        (COMPOSE, "image:", "privileged: true\n    image:", "services.app.privileged: it is privileged"),
        (COMPOSE, "data:/data", "/:/host", "services.app.volumes.0: it gets the host's root"),
        (COMPOSE, "data:/data", "/var/run/docker.sock:/x", "services.app.volumes.0: it gets the engine's socket"),
        (COMPOSE, "[data:/data]", "[{ type: bind, source: /, target: /x }]", "services.app.volumes.0.source: it gets"),
        (KUBERNETES, "sgx.intel.com/enclave: 1", "sgx.intel.com/provision: 1", "it gets the provisioning device"),
        (KUBERNETES, "path: /data", "path: /", "spec.volumes.data.hostPath.path: it gets the host's root"),
        (KUBERNETES, "resources:", "securityContext: { privileged: true }\n    resources:", "it is privileged"),
        (
            KUBERNETES,
            "  containers:",
            "  hostNetwork: true\n  containers:",
            "spec.hostNetwork: it shares the host's net",
        ),
    ],
)
def test_one_thing_too_much_is_found(text, old, new, expected):
    assert old in text
    (found,) = exposures(text.replace(old, new, 1).encode())
    assert expected in found


@pytest.mark.parametrize(
    "raw",
    [b"a: [", b"\xff\xfe\x00", b"!!python/object:os.system {}", b" " * (5 << 20)],
    ids=["open", "bytes", "tag", "size"],
)
def test_what_is_not_yaml_is_refused(raw):
    with pytest.raises(Malformed):
        exposures(raw)


def test_anchors_that_multiply_a_document_are_refused():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(8)
    )
    with pytest.raises(Malformed, match="more than"):
        exposures(bomb.encode())


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        exposures(text.encode())
    except Malformed:
        return
