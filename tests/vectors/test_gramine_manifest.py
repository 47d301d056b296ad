"""Gramine 1.9's own check accepts the manifests that are written and migrated here."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from caisson.enclave import Manifest, Mount
from caisson.enclave.manifest import Foreign, migrate

GRAMINE = os.environ.get("CAISSON_GRAMINE")
SEEDS = Path(__file__).parents[1] / "fuzz" / "seeds" / "manifest"

pytestmark = pytest.mark.skipif(GRAMINE is None, reason="needs Gramine at CAISSON_GRAMINE")


def gramine(program, *arguments):
    """Run a Python program of Gramine's, which brings its packages and needs Debian's."""
    (packages,) = Path(str(GRAMINE)).glob("lib/python3*/site-packages")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{packages}:/usr/lib/python3/dist-packages"}
    command = ["/usr/bin/python3", f"{GRAMINE}/bin/{program}", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_every_table_that_is_written_is_one_of_gramines(tmp_path):
    foreign = Foreign.parse((SEEDS / "foreign").read_bytes()).model()
    assert foreign.sys.ioctl_structs
    full = replace(foreign, fs=replace(foreign.fs, mounts=(*foreign.fs.mounts, Mount(path="/run"))))
    path = tmp_path / "app.manifest"
    path.write_bytes(full.encode())
    assert Manifest.parse(path.read_bytes()) == full
    checked = gramine("gramine-manifest-check", path)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@pytest.mark.parametrize("name", ["old", "older"])
def test_what_was_migrated_is_rendered_and_accepted(tmp_path, name):
    template = tmp_path / "app.manifest.template"
    text = migrate(Foreign.parse((SEEDS / name).read_bytes()), harden=True).text
    # The files of the example are not here to be hashed.
    lines = [line for line in text.splitlines() if not line.startswith("trusted_files")]
    template.write_text("\n".join(lines))
    rendered = gramine(
        "gramine-manifest", "-Dlog_level=error", "-Darch_libdir=/lib", template, tmp_path / "app.manifest"
    )
    assert rendered.returncode == 0, rendered.stderr
    assert gramine("gramine-manifest-check", tmp_path / "app.manifest").returncode == 0
