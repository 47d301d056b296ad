"""What entries keep is encrypted: they run under gramine-direct, and the host looks at their volumes.

Without SGX the key is one that everybody knows; that the files are encrypted under it, by the library OS, is what is
shown here. Whose key it is in an enclave, and that another identity gets none, the other tests show.
"""

import json
import os
import re
from pathlib import Path

import pytest

from tests.catalog.running import brought_up

KEPT = ("redis", "sqlite", "mariadb", "keyserver")
MAGIC = b"GRAFS_PF"


@pytest.fixture(scope="module")
def gramine():
    prefix = Path(os.environ.get("CAISSON_GRAMINE", "/opt/gramine"))
    if not (prefix / "bin" / "gramine-direct").exists():
        pytest.skip(f"no Gramine at {prefix}: build release 1.9 from source, and name its prefix in CAISSON_GRAMINE")
    return prefix


@pytest.fixture(scope="module", params=KEPT)
def kept(request, gramine):
    with brought_up(request.param, gramine=gramine) as running:
        yield running


def volume(running):
    """Give the place on the host of what outlives the container."""
    (mount,) = (each for each in running.inspect("Mounts") if each["Type"] == "volume")
    described = json.loads(running.stage.run("docker", "volume", "inspect", mount["Name"]).stdout)
    return Path(described[0]["Mountpoint"])


def words(running):
    """Give the words that its clients stored: all longer ones that the promises send."""
    sent = " ".join([*(" ".join(step.command) + (step.stdin or "") for step in running.promises.start)])
    return {word.encode() for word in re.findall(r"[A-Za-z][A-Za-z-]{9,}", sent)}


def test_it_answers_its_clients_and_the_host_reads_nothing_of_it(kept):
    kept.carry_out(kept.promises.start)
    kept.stop()  # whatever it holds back is written then
    files = [path for path in volume(kept).rglob("*") if path.is_file() and path.stat().st_size]
    assert files
    for path in files:
        content = path.read_bytes()
        assert content.startswith(MAGIC), path
        assert [word for word in (*words(kept), b"SQLite format", b"REDIS00") if word in content] == [], path


def test_and_it_finds_its_data_again(kept):
    kept.start()
    kept.carry_out(kept.promises.restart)


def test_what_was_started_is_marked(kept):
    assert kept.up["runtime"] == "gramine"
    assert kept.inspect("Config")["Entrypoint"][-1] == "/.caisson/app.direct"
    assert kept.inspect("HostConfig")["ReadonlyRootfs"] is True
