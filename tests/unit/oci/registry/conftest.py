"""A registry in memory, a repository of it, and what was done while waiting."""

import pytest

from caisson.oci import Access, RegistryName, Retry
from caisson.oci.registry import Repository
from tests.registry import HOST, MemoryRegistry

NAME = RegistryName.parse(f"{HOST}/some/app:v1")


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """Nobody's credentials and certificates are found."""
    for variable in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def registry():
    return MemoryRegistry()


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def access(registry, pauses):
    return Access(transport=registry, chunk=1000, retry=Retry(sleep=pauses.append, jitter=lambda: 1.0))


@pytest.fixture
def repository(access):
    with Repository.open(NAME, access, writing=True) as repository:
        yield repository
