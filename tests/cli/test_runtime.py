"""`caisson runtime`: taking over a release of Gramine, and looking after it."""

import json

import pytest

from caisson.cli.app import run
from tests.unit.conversion.runtime.conftest import INSTALLED


@pytest.fixture
def caisson(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CAISSON_HOME", str(tmp_path / "home"))
    for name, content in INSTALLED.items():
        path = tmp_path / "machine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def command(*arguments):
        code = run(["runtime", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.fixture
def bundle(caisson, tmp_path):
    code, out, _ = caisson("add", "--image", f"rootfs:{tmp_path / 'machine'}", "--prefix", "/opt/gramine", "--json")
    assert code == 0
    return json.loads(out)


def test_a_release_is_taken_out_of_an_image(bundle):
    assert (bundle["gramine"], bundle["libc"], bundle["libc_version"]) == ("1.9", "glibc", "2.40")
    assert set(bundle["layout"]) == {"ssa_frame_pages", "heap_min", "stack", "signal_stack"}


def test_bundles_are_listed_shown_verified_and_removed(caisson, bundle):
    short = bundle["id"][:12]
    assert caisson("list") == (0, f"{short}  Gramine 1.9      glibc 2.40\n", "")
    code, out, _ = caisson("show", short)
    assert (code, out.splitlines()[0]) == (0, f"id         {bundle['id']}")
    assert f"{bundle['files']['sgx/libpal.so']}  sgx/libpal.so" in out
    assert caisson("verify") == (0, f"{bundle['id']}: {len(bundle['files'])} files are what they were\n", "")
    assert caisson("remove", short) == (0, f"removed {bundle['id']}\n", "")
    assert caisson("list") == (0, "none\n", "")


def test_a_changed_bundle_is_rejected(caisson, bundle, tmp_path):
    (tmp_path / "home" / "runtimes" / bundle["id"] / "libsysdb.so").write_bytes(b"another")
    code, out, err = caisson("verify")
    assert (code, out) == (1, "")
    assert err.startswith("error: image was changed: `libsysdb.so` has the SHA-256 ")


def test_without_a_bundle_the_hint_says_how_to_add_one(caisson):
    code, out, err = caisson("show")
    assert (code, out) == (2, "")
    assert err == "error: there is no runtime bundle\nhint: add one: `caisson runtime add --prefix /usr`\n"


@pytest.mark.parametrize("arguments", [[], ["--image", "oci:x", "some.deb"]])
def test_one_place_has_to_be_named(caisson, arguments):
    code, _, err = caisson("add", *arguments)
    assert code == 2
    assert err.startswith("error: name one of packages, `--image` and `--prefix`\n")


def test_other_constants_are_taken_with_a_warning(caisson, bundle, tmp_path):
    """The software platform knows one layout: what it cannot launch is said when it is added."""
    path = tmp_path / "layout.json"
    path.write_text(json.dumps({**bundle["layout"], "heap_min": bundle["layout"]["heap_min"] * 2}))
    where = ("--image", f"rootfs:{tmp_path / 'machine'}", "--prefix", "/opt/gramine")
    code, out, err = caisson("add", *where, "--gramine-version", "2.0", "--layout", str(path))
    assert (code, out.strip() != bundle["id"]) == (0, True), err
    assert "will not launch what is built with this bundle" in err


@pytest.mark.parametrize("layout", ["[]", "no json", "{}"])
def test_constants_that_can_be_none_are_rejected(caisson, tmp_path, layout):
    path = tmp_path / "layout.json"
    path.write_text(layout)
    code, _, err = caisson(
        "add", "--image", f"rootfs:{tmp_path / 'machine'}", "--prefix", "/opt/gramine", "--layout", str(path)
    )
    assert code == 1
    assert err.startswith("error: layout ")
