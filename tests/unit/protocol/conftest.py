import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from caisson.protocol import RuntimeData

VECTORS = Path(__file__).parents[2] / "vectors" / "protocol"


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def pytest_generate_tests(metafunc):
    """A test that takes `refused_VECTOR` runs once for each refused entry of that file."""
    for argument in metafunc.fixturenames:
        if argument.startswith("refused_"):
            entries = load(argument.removeprefix("refused_"))["refused"]
            metafunc.parametrize(argument, [pytest.param(entry, id=entry["name"]) for entry in entries])


@pytest.fixture
def vector():
    return load


@pytest.fixture
def server():
    """A key server's identity key."""
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def guest():
    """The guest of `evidence.json`: its runtime data and the key that its bundle is sealed to."""
    found = load("evidence")
    key = MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(found["hpke_mlkem_seed"])),
        X25519PrivateKey.from_private_bytes(bytes.fromhex(found["hpke_x25519_key"])),
    )
    return RuntimeData.parse(found["runtime_data"].encode()), key


@pytest.fixture
def unbase64():
    return base64.b64decode
