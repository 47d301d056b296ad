"""`caisson copy`: what it says, and where it stops."""

import json

import pytest

from caisson.cli.app import run


@pytest.fixture
def layout(desk, capsys):
    recipe, key = str(desk / "caisson.toml"), str(desk / "key.pem")
    assert run(["build", "--recipe", recipe, "--key", key, "rootfs:root", "oci:out:v1", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["digest"]


def test_a_copy_has_the_same_digest(layout, capsys):
    assert run(["copy", "oci:out:v1", "oci-archive:out.tar:v2"]) == 0
    assert capsys.readouterr() == (f"oci-archive:out.tar:v2\n{layout}\n", "")
    assert run(["copy", "oci-archive:out.tar:v2", "docker-archive:docker.tar:app:v1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "version": 1,
        "source": "oci-archive:out.tar:v2",
        "destination": "docker-archive:docker.tar:app:v1",
        "digest": layout,
        "attached": 0,
    }
    assert run(["verify", "docker-archive:docker.tar:app:v1"]) == 0


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize(
    ("places", "message"),
    [
        (("oci:out:none", "oci:new"), "error: there is no image `oci:out:none`\n"),
        (("oci:out:v1", "rootfs:new"), "error: an image cannot be written as a root file system\nhint: write "),
        (("oci:out:v1", "oci-archive:out/oci-layout"), "error: `out/oci-layout` exists already\nhint: add `--force`"),
        (("oci:out:v1", "oci:root:v1"), "error: `root` is there, and no OCI layout\nhint: name another directory\n"),
    ],
)
def test_what_cannot_be_copied_is_said(places, message, capsys):
    assert run(["copy", *places]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(message)
