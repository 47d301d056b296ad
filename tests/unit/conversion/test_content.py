from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.conversion.content import Content
from caisson.oci import Image, ImageConfig, append
from tests.unit.conversion.conftest import Workbench

SIZES = st.sampled_from([0, 1, 4096, 1 << 19, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])


@settings(max_examples=15, deadline=None)
@given(st.lists(SIZES, max_size=12))
def test_every_file_is_hashed_whatever_lies_beside_it(tmp_path_factory, key, sizes):
    bench = Workbench(tmp_path_factory.mktemp("content"), key)
    files = {f"srv/{number}": bytes([number]) * size for number, size in enumerate(sizes)}
    content = Content(append(Image.build(ImageConfig(), ()), bench.layer(files), created_by="test"))
    expected = {f"/{path}": sha256(raw).hexdigest() for path, raw in files.items()}
    assert content.digests([*expected, *expected]) == expected


def test_what_is_not_there_has_no_digest(bench):
    content = Content(bench.plain())
    assert content.digests(["/srv/page", "/srv/none"]) == {"/srv/none": "", "/srv/page": sha256(b"a page").hexdigest()}
