"""Gramine 1.9's own check accepts the manifests that are written and migrated here."""

from dataclasses import replace
from pathlib import Path

import pytest

from caisson.enclave import Manifest, Mount
from caisson.enclave.manifest import Foreign, migrate
from tests.differential import oracle

SEEDS = Path(__file__).parents[1] / "fuzz" / "seeds" / "manifest"

pytestmark = oracle.needed


def test_every_table_that_is_written_is_one_of_gramines(tmp_path):
    foreign = Foreign.parse((SEEDS / "foreign").read_bytes()).model()
    assert foreign.sys.ioctl_structs
    full = replace(foreign, fs=replace(foreign.fs, mounts=(*foreign.fs.mounts, Mount(path="/run"))))
    path = tmp_path / "app.manifest"
    path.write_bytes(full.encode())
    assert Manifest.parse(path.read_bytes()) == full
    checked = oracle.tool("gramine-manifest-check", path)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@pytest.mark.parametrize("name", ["old", "older"])
def test_what_was_migrated_is_rendered_and_accepted(tmp_path, name):
    template = tmp_path / "app.manifest.template"
    text = migrate(Foreign.parse((SEEDS / name).read_bytes()), harden=True).text
    # The files of the example are not here to be hashed.
    lines = [line for line in text.splitlines() if not line.startswith("trusted_files")]
    template.write_text("\n".join(lines))
    rendered = oracle.tool(
        "gramine-manifest", "-Dlog_level=error", "-Darch_libdir=/lib", template, tmp_path / "app.manifest"
    )
    assert rendered.returncode == 0, rendered.stderr
    assert oracle.tool("gramine-manifest-check", tmp_path / "app.manifest").returncode == 0
