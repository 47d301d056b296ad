"""References to images, and digests."""

import contextlib

from caisson.errors import CaissonError
from caisson.oci import Digest, Reference


def check(raw):
    text = raw.decode(errors="surrogateescape")
    with contextlib.suppress(CaissonError):
        Digest.parse(text)
    reference = Reference.parse(text)
    assert Reference.parse(str(reference)) == reference
