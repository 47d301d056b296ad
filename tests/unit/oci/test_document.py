import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.oci import Digest, ImageConfig, ImageIndex, ImageManifest
from caisson.oci.document import MAX_SIZE

HEX = Digest.of(b"").hex
DESCRIPTOR = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{HEX}", "size": 2}
MANIFEST = {"schemaVersion": 2, "config": DESCRIPTOR, "layers": []}
CONFIG = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


def test_a_manifest_reads_back_as_it_was_written():
    manifest = ImageManifest.parse(raw({**MANIFEST, "annotations": {"a": "b"}}))
    assert ImageManifest.parse(manifest.encode()) == manifest


def test_a_configuration_keeps_members_that_it_does_not_know():
    parsed = ImageConfig.parse(raw({**CONFIG, "variant": "v3", "config": {"Shell": ["/bin/bash"], "Env": ["A=b"]}}))
    again = json.loads(parsed.encode(()))
    assert again["variant"] == "v3"
    assert again["config"] == {"Shell": ["/bin/bash"], "Env": ["A=b"]}


def test_an_entry_point_that_is_one_string_is_one_word_as_docker_reads_it():
    parsed = ImageConfig.parse(raw({**CONFIG, "config": {"Entrypoint": "top -b"}}))
    assert parsed.run.entrypoint == ("top -b",)


def test_null_counts_as_absent():
    parsed = ImageConfig.parse(raw({**CONFIG, "config": {"Env": None, "Cmd": None, "Labels": None}}))
    assert (parsed.run.env, parsed.run.cmd) == ((), None)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{",
        b'{"schemaVersion":2,"schemaVersion":2}',
        b"\xff",
        b"[" * 100_000,
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'{"a":' + b"1" * 5000 + b"}",
        b'"' + b"a" * MAX_SIZE + b'"',
        raw({**MANIFEST, "schemaVersion": 1}),
        raw({**MANIFEST, "manifests": []}),
        raw({**MANIFEST, "Layers": []}),
        raw({**MANIFEST, "mediaType": "text/plain"}),
        raw({**MANIFEST, "layers": [{}]}),
        raw({**MANIFEST, "config": {**DESCRIPTOR, "size": -1}}),
        raw({**MANIFEST, "config": {**DESCRIPTOR, "size": True}}),
        raw({**MANIFEST, "config": {**DESCRIPTOR, "digest": "sha256:zz"}}),
    ],
)
def test_a_manifest_that_could_be_read_in_two_ways_or_in_none_is_refused(document):
    with pytest.raises(Malformed):
        ImageManifest.parse(document)


def test_a_manifest_cannot_pass_for_an_index():
    with pytest.raises(Malformed):
        ImageIndex.parse(raw({"schemaVersion": 2, "manifests": [], "layers": []}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["architecture", "os", "config", "rootfs", "history", "Env", "Cmd", "diff_ids", "layers", "size"]
)


@settings(deadline=None)
@given(st.binary(max_size=200) | JSON.map(raw) | st.dictionaries(NAMES, JSON).map(lambda more: raw({**CONFIG, **more})))
def test_parsers_of_documents_raise_only_malformed(document):
    for parse in (ImageConfig.parse, ImageManifest.parse, ImageIndex.parse):
        try:
            parsed = parse(document)
        except Malformed:
            continue
        again = parsed.encode(()) if isinstance(parsed, ImageConfig) else parsed.encode()
        assert parse(again) == parsed
