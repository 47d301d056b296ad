"""What all tests share: where the vectors are, and which tests may use the network."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.softhsm import Token, new_token

# How long an example takes says nothing about what is tested, only about what else the machine does.
settings.register_profile("explore", deadline=None)
# Whoever runs the tests runs the same ones: Hypothesis's own profile for CI takes the same examples each time.
settings.register_profile("caisson", settings.get_profile("ci"), deadline=None)
settings.load_profile("caisson")
# What tests make is as most people's programs make it, whoever starts them.
os.umask(0o022)

TESTS = Path(__file__).parent
NETWORKED = (TESTS / "platform", TESTS / "system", TESTS / "catalog", TESTS / "kubernetes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(directory) for directory in NETWORKED):
            item.add_marker(pytest.mark.enable_socket)
        if item.path.is_relative_to(TESTS / "system"):
            item.add_marker(pytest.mark.system)
        if item.path.is_relative_to(TESTS / "catalog"):
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.slow)
        if item.path.is_relative_to(TESTS / "kubernetes"):
            for mark in (pytest.mark.kubernetes, pytest.mark.system, pytest.mark.slow):
                item.add_marker(mark)


@pytest.fixture(scope="session")
def token_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run's PKCS #11 tokens are."""
    return tmp_path_factory.mktemp("softhsm")


@pytest.fixture
def token(token_directory: Path) -> Token:
    """A new PKCS #11 token without keys."""
    return new_token(token_directory)


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The directory of shared vectors; without it the tests that need real evidence are skipped, in CI they fail."""
    path = Path(os.environ.get("CAISSON_VECTORS", TESTS.parent.parent / "shared" / "vectors"))
    if not path.is_dir():
        message = f"no shared vectors at {path}; set CAISSON_VECTORS"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
