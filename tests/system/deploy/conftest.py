"""The probe, built once; a stand-in for an SGX host; and both generations of Compose."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.system.deploy import probing
from tests.system.deploy.compose import compose_v2


@pytest.fixture(scope="session")
def probe_archive(tmp_path_factory):
    return probing.archive(tmp_path_factory.mktemp("probe"))


@pytest.fixture
def host():
    """A short path: sockets lie in it."""
    directory = Path(tempfile.mkdtemp(prefix="caisson-host-"))
    with probing.surroundings(directory):
        yield directory
    _remove(directory)


def _remove(directory, patience=10):
    """Remove a directory. Podman's monitor tidies up in it for a moment after its container is gone."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return shutil.rmtree(directory)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.fixture(scope="session", params=["1.29", "2"])
def compose(request):
    """How to call Compose: the tool that Debian 12 has, or the plugin of Debian 13."""
    if request.param == "2":
        return compose_v2()
    assert shutil.which("docker-compose"), "install Debian's package docker-compose"
    assert "1.29" in subprocess.run(["docker-compose", "--version"], capture_output=True, text=True, check=True).stdout
    return ("docker-compose",)
