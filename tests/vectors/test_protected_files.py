"""Files that Gramine 1.9's own `gramine-sgx-pf-crypt` encrypted open to what they were made from; it opens ours."""

import os
import subprocess
from pathlib import Path

import pytest

from caisson.enclave.protected_files import FileKey, Reader, encrypt

VECTORS = Path(__file__).parent / "protected-files"
FILES = sorted(path.name for path in (VECTORS / "encrypted").iterdir())
KEY = FileKey((VECTORS / "wrap.key").read_bytes())
GRAMINE = os.environ.get("CAISSON_GRAMINE")


def test_there_are_vectors():
    assert len(FILES) == 9


@pytest.mark.parametrize("name", FILES)
def test_what_gramine_encrypted_is_decrypted(name):
    with (VECTORS / "encrypted" / name).open("rb") as file:
        reader = Reader(file, KEY, path=f"encrypted/{name}")
        assert b"".join(reader.blocks()) == (VECTORS / "plain" / name).read_bytes()


@pytest.mark.skipif(GRAMINE is None, reason="needs Gramine at CAISSON_GRAMINE")
@pytest.mark.parametrize("size", [0, 1, 3072, 3073, 396288, 396289, 13_000_000])
def test_gramine_decrypts_what_is_encrypted_here(tmp_path, size):
    (tmp_path / "plain").write_bytes(os.urandom(size))
    with (tmp_path / "plain").open("rb") as plain, (tmp_path / "sealed").open("w+b") as sealed:
        encrypt(plain, sealed, KEY, path="sealed", random=os.urandom)
    tool = f"{GRAMINE}/bin/gramine-sgx-pf-crypt"
    key = VECTORS / "wrap.key"
    subprocess.run([tool, "decrypt", "-w", key, "-i", "sealed", "-o", "opened", "-V"], cwd=tmp_path, check=True)
    assert (tmp_path / "opened").read_bytes() == (tmp_path / "plain").read_bytes()
