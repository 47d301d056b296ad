"""What `caisson up` starts for itself, and what is left of it if that fails."""

import sys

import pytest

from caisson.cli import service as service_module
from caisson.cli.home import Home
from caisson.cli.local import Local
from caisson.errors import Unavailable

# A service outlives the process that started it, which is just what this warning is about.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

READY = "import time; print('ready socket\\nready http://pcs\\nready https://keys', flush=True); time.sleep(60)"


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    Local.stop(home)


@pytest.fixture
def programs(monkeypatch):
    """What runs in the place of `caisson platform` and `caisson keyserver`, in Python."""
    programs = {"platform": READY, "keyserver": READY}
    popen = service_module.subprocess.Popen

    def start(command, **options):
        return popen([sys.executable, "-c", programs[command[3]]], **options)

    monkeypatch.setattr(service_module.subprocess, "Popen", start)
    return programs


@pytest.mark.usefixtures("programs")
def test_it_says_whether_something_had_to_be_started(home):
    assert Local.start(home, address="127.0.0.1").fresh
    assert not Local.start(home, address="127.0.0.1").fresh
    home.server.stop()
    assert Local.start(home, address="127.0.0.1").fresh


def test_without_a_key_server_no_platform_is_left(home, programs):
    programs["keyserver"] = "raise SystemExit('no room at the inn')"
    with pytest.raises(Unavailable, match="the keyserver did not start: no room at the inn"):
        Local.start(home, address="127.0.0.1")
    assert not home.platform.running()


def test_a_platform_that_ran_before_is_left_to_those_who_use_it(home, programs):
    Local.start(home, address="127.0.0.1")
    home.server.stop()
    programs["keyserver"] = "raise SystemExit(1)"
    with pytest.raises(Unavailable, match="the keyserver did not start"):
        Local.start(home, address="127.0.0.1")
    assert home.platform.running()
