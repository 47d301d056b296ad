"""An image of this Caisson: what gets in, what does not, and what was tampered with."""

import sys
from importlib.metadata import distribution

import pytest

from caisson import __version__
from caisson.conversion import installation
from caisson.conversion.installation import add_installation
from caisson.errors import UsageError
from caisson.oci import FileLayer, FileSystem, Image, ImageConfig, append, tar, validate

PYTHON = f"python3.{sys.version_info.minor}"
PACKAGES = f"/usr/local/lib/{PYTHON}/dist-packages"
AUTHORITIES = "usr/share/ca-certificates/mozilla"
FILES = {f"usr/bin/{PYTHON}": b"\x7fELF", f"{AUTHORITIES}/a.crt": b"first\n", f"{AUTHORITIES}/b.crt": b"second\n"}


def plain(scratch, files):
    pieces = []
    for path, content in files.items():
        pieces += [tar.member(tar.Entry(path=path, kind=tar.Kind.FILE, mode=0o755, size=len(content))), content]
        pieces.append(tar.padding(len(content)))
    layer = FileLayer.pack([*pieces, tar.end()], scratch=scratch)
    return append(Image.build(ImageConfig(), ()), layer, created_by="test")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("installation")
    return add_installation(plain(scratch, FILES), scratch=scratch)


def paths(image):
    return {found.path for found in FileSystem.of(image).walk("/") if found.content is not None}


def test_its_own_package_and_all_that_it_needs_are_there(image):
    view, found = FileSystem.of(image), paths(image)
    assert f'"{__version__}"'.encode() in view.find(f"{PACKAGES}/caisson/__init__.py").content.read()
    assert f"{PACKAGES}/caisson/conversion/_bin/premain" in found
    assert f"{PACKAGES}/caisson/catalog/redis/redis.conf" in found
    assert f"{PACKAGES}/caisson-{__version__}.dist-info/METADATA" in found
    for package in ("click", "cryptography", "sqlalchemy", "packaging"):
        assert f"{PACKAGES}/{package}/__init__.py" in found
    assert any(path.startswith(f"{PACKAGES}/_cffi_backend") for path in found)
    assert f"{PACKAGES}/cryptography-{distribution('cryptography').version}.dist-info/licenses/LICENSE" in found


def test_nothing_of_the_machine_gets_in(image):
    found = paths(image)
    names = {path.rpartition("/")[2] for path in found}
    assert not names & {"RECORD", "direct_url.json", "INSTALLER", "REQUESTED", "uv_cache.json", "pytest.py"}
    assert not any("__pycache__" in path or path.endswith((".pyc", ".pth")) for path in found)
    assert not any(path.startswith(f"{PACKAGES}/pytest") for path in found)
    assert {path for path in found if not path.startswith(PACKAGES)} == {
        "/etc/ssl/certs/ca-certificates.crt", *(f"/{path}" for path in FILES),
    }  # fmt: skip


def test_it_starts_as_caisson_and_as_nobody(image):
    validate(image)
    run = image.config.run
    assert run.entrypoint == (f"/usr/bin/{PYTHON}", "-IB", "-m", "caisson.cli")
    assert run.user == "65532:65532"
    assert "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" in run.env


def test_authorities_are_one_file(image):
    assert FileSystem.of(image).find("/etc/ssl/certs/ca-certificates.crt").content.read() == b"first\nsecond\n"


def test_the_same_installation_gives_the_same_image(image, tmp_path):
    assert add_installation(plain(tmp_path, FILES), scratch=tmp_path).digest == image.digest


def test_an_image_with_another_python_is_refused(tmp_path):
    with pytest.raises(UsageError, match="which the image does not have"):
        add_installation(plain(tmp_path, {"usr/bin/python3.8": b"x"}), scratch=tmp_path)


def test_a_package_that_was_changed_since_it_was_installed_is_refused(tmp_path, monkeypatch):
    package = tmp_path / "evil-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (package / "RECORD").write_text("evil.py,sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,9\n")
    (tmp_path / "evil.py").write_text("import os\n")
    changed = type(distribution("click")).at(package)
    monkeypatch.setattr(installation, "_dependencies", lambda _: (changed,))
    with pytest.raises(UsageError, match=r"`evil\.py` of the package `evil` is not as it was installed"):
        add_installation(plain(tmp_path, FILES), scratch=tmp_path)
