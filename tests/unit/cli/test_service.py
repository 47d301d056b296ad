import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from caisson.cli import service as service_module
from caisson.cli.service import Service
from caisson.errors import Unavailable

# A service outlives the process that started it, which is just what this warning is about.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A service whose program is `python -c SCRIPT` in place of `caisson`."""
    popen = service_module.subprocess.Popen
    monkeypatch.setattr(
        service_module.subprocess, "Popen", lambda command, **options: popen([sys.executable, *command[3:]], **options)
    )
    service = Service(name="sleeper", directory=tmp_path)
    yield service
    service.stop()


READY = "import time; print('ready here', flush=True); time.sleep(60)"


def test_it_runs_until_it_is_stopped(service):
    assert service.start(["-c", READY], addresses=1) == ("here",)
    assert service.running()
    assert service.stop()
    assert not service.running()
    assert not service.stop()


def test_starting_twice_starts_one(service, tmp_path):
    service.start(["-c", READY], addresses=1)
    first = (tmp_path / "sleeper.pid").read_text()
    assert service.start(["-c", "raise SystemExit(1)"], addresses=1) == ("here",)
    assert (tmp_path / "sleeper.pid").read_text() == first


def test_one_that_ends_at_once_says_its_last_words(service):
    with pytest.raises(Unavailable, match="no room at the inn"):
        service.start(["-c", "raise SystemExit('no room at the inn')"], addresses=1)
    assert not service.running()


def test_one_that_is_never_ready_is_stopped(service):
    with pytest.raises(Unavailable, match="it said nothing"):
        service.start(["-c", "import time; time.sleep(60)"], addresses=1, timeout=0.5)
    assert not service.running()


def test_a_busy_machine_has_a_minute(service, monkeypatch):
    seconds = iter([0.0])
    clock = SimpleNamespace(monotonic=lambda: next(seconds, 55.0), sleep=time.sleep)
    monkeypatch.setattr(service_module, "time", clock)
    assert service.start(["-c", READY], addresses=1) == ("here",)


def test_another_process_of_the_same_number_is_not_ours(service, tmp_path):
    (tmp_path / "sleeper.pid").write_text(f"{os.getpid()} 1")
    assert not service.running()
    assert not service.stop()


@pytest.mark.parametrize("record", ["", "12", "x y", "1 2 3"])
def test_a_record_that_is_only_half_there_is_none(service, tmp_path, record):
    (tmp_path / "sleeper.pid").write_text(record)
    assert not service.running()
    assert not service.stop()


def test_a_line_that_is_only_half_there_is_not_believed(service):
    service.log.write_text("ready http://127.0.0.1:8080\nready http://127.0.0.1:80")
    assert service.addresses() == ("http://127.0.0.1:8080",)


def test_one_whose_log_cannot_be_written_is_no_verdict(service):
    service.log.mkdir()
    with pytest.raises(Unavailable, match="cannot be started"):
        service.start(["-c", READY], addresses=1)


def test_one_whose_record_cannot_be_written_does_not_run_on_unknown(service, tmp_path):
    (tmp_path / "sleeper.pid").mkdir()
    with pytest.raises(Unavailable, match="cannot be started"):
        service.start(
            ["-c", f"import pathlib, time; pathlib.Path({str(tmp_path)!r}, 'alive').touch(); time.sleep(60)"],
            addresses=1,
        )
    assert not [pid for pid in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in _read(pid)]
    (tmp_path / "sleeper.pid").rmdir()


def _read(path):
    try:
        return path.read_bytes()
    except OSError:  # it ended just now
        return b""
