import pytest

from caisson.errors import Malformed
from caisson.oci import Digest


def test_a_digest_reads_back_as_it_was_written():
    digest = Digest.of(b"hello")
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256:" + "A" * 64,
        "sha256:" + "0" * 63,
        "sha512:" + "0" * 64,
        "0" * 64,
        "sha256:../" + "0" * 61,
    ],
)
def test_anything_else_is_no_digest(text):
    with pytest.raises(Malformed):
        Digest.parse(text)
