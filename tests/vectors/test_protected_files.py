"""Files that Gramine 1.9's own `gramine-sgx-pf-crypt` encrypted open to what they were made from."""

from pathlib import Path

import pytest

from caisson.enclave.protected_files import FileKey, Reader

VECTORS = Path(__file__).parent / "protected-files"
FILES = sorted(path.name for path in (VECTORS / "encrypted").iterdir())
KEY = FileKey((VECTORS / "wrap.key").read_bytes())


def test_there_are_vectors():
    assert len(FILES) == 9


@pytest.mark.parametrize("name", FILES)
def test_what_gramine_encrypted_is_decrypted(name):
    with (VECTORS / "encrypted" / name).open("rb") as file:
        reader = Reader(file, KEY, path=f"encrypted/{name}")
        assert b"".join(reader.blocks()) == (VECTORS / "plain" / name).read_bytes()
