"""Images with packages in them, and the workbench of the conversion to make them confidential."""

import pytest

from caisson.conversion import verify_image
from caisson.enclave import SigningKey
from caisson.oci import Digest, FileSystem, Image, ImageConfig, append
from caisson.provenance import Attached, Inventory, ProvenanceKey, Statement, cosign, encode_sbom
from tests.unit.conversion.conftest import FILES, Workbench

RELEASE = b'PRETTY_NAME="Debian GNU/Linux 12"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
STATUS = b"""Package: libc6
Status: install ok installed
Source: glibc (2.36-9)
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library
 Package: not-a-field

Package: gone
Status: deinstall ok config-files
Version: 1

Package: half
Status: install ok unpacked
Version: 1:2~3
Architecture: all
"""

POLICY = """
version = 1
runtimes = ["native"]
allow_debug = false
key_servers = []
allow_unpinned = true

[[products]]
mrsigner = "{mrsigner}"
isv_prod_id = 7
minimum_isv_svn = 3

[provenance]
publishers = ['''{publisher}''']
require = ["statement", "sbom", "sigstruct", "cosign"]
"""


@pytest.fixture(scope="session")
def key():
    return SigningKey.generate()


@pytest.fixture(scope="session")
def publisher_key():
    return ProvenanceKey.generate()


@pytest.fixture(scope="session")
def other_key():
    return ProvenanceKey.generate()


@pytest.fixture
def bench(tmp_path, key):
    return Workbench(tmp_path, key)


@pytest.fixture
def inventory(bench):
    """Give the inventory of an image with these files."""

    def inventory(files):
        layer = bench.layer({path.removeprefix("/"): raw for path, raw in files.items()})
        return Inventory.of(FileSystem.of(append(Image.build(ImageConfig(), ()), layer, created_by="test")))

    return inventory


class Published:
    """A confidential image, and everything that its publisher attaches to it."""

    def __init__(self, image, key):
        self.image, self.key = image, key
        self.verified = verify_image(image)
        self.sbom = encode_sbom(image, self.verified, Inventory.of(FileSystem.of(image)))
        self.statement = Statement.of(
            image, self.verified, sbom=self.sbom, source=Digest.of(b"source"), recipe=Digest.of(b"recipe")
        )
        self.payload = cosign.encode_payload(image.digest, reference="example.org/app")

    def attached(self, **changed):
        whole = {
            "envelopes": (self.statement.sign(self.key),),
            "sboms": (self.sbom,),
            "sigstructs": (self.verified.sigstruct.encode(),),
            "cosign": ((cosign.sign_payload(self.payload, self.key), self.payload),),
        }
        return Attached(**{**whole, **changed})


@pytest.fixture
def published(bench, publisher_key):
    files = {**FILES, "etc/os-release": RELEASE, "var/lib/dpkg/status": STATUS}
    return Published(bench.convert(bench.plain(files)).image, publisher_key)


@pytest.fixture
def pinned(bench, publisher_key):
    """Another image by the same publisher."""
    from caisson.protocol import ServerKeyHash

    return Published(bench.convert(key_server_pin=ServerKeyHash.of(b"x")).image, publisher_key)
