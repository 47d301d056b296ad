import contextlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.errors import Malformed, SignatureRejected
from caisson.protocol import Bundle, BundleFile, encode_identity, open_bundle, seal_bundle
from caisson.protocol import bundle as room
from caisson.sgx import ReportData


@pytest.fixture
def sealed(guest, server, vector):
    data, _ = guest
    bundle = Bundle.parse(vector("bundle")["plaintext"].encode())
    return seal_bundle(bundle, hpke_public_key=data.hpke_public_key, report_data=data.report_data, key=server)


def opened(raw, guest, server, **change):
    data, key = guest
    arguments = {
        "private_key": key,
        "report_data": data.report_data,
        "server_key": encode_identity(server.public_key()),
    } | change
    return open_bundle(raw, **arguments)


def test_the_stored_bundle_opens_to_its_plaintext(vector, guest):
    data, key = guest
    found = vector("bundle")
    server_key = bytes.fromhex(vector("evidence")["server_key"])
    bundle = open_bundle(found["sealed"].encode(), private_key=key, report_data=data.report_data, server_key=server_key)
    assert bundle.encode().decode() == found["plaintext"]


def test_a_sealed_bundle_opens_for_its_guest(sealed, guest, server, vector):
    assert opened(sealed, guest, server).encode().decode() == vector("bundle")["plaintext"]


def test_a_bundle_for_other_evidence_stays_shut(sealed, guest, server):
    with pytest.raises(SignatureRejected):
        opened(sealed, guest, server, report_data=ReportData(bytes(64)))


def test_a_bundle_of_another_server_is_refused(sealed, guest, server):
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(SignatureRejected):
        opened(sealed, guest, server, server_key=encode_identity(other.public_key()))


@pytest.mark.parametrize("size", [0, 10, 1120, 1136, 1137, 5000])
def test_a_signed_ciphertext_that_is_none_is_refused(guest, server, size):
    payload = room.canonical.encode({"ciphertext": room.canonical.base64_text(bytes(size)), "version": 1})
    raw = room.canonical.encode(room.envelope.sign(payload, payload_type=room.PAYLOAD_TYPE, key=server))
    with pytest.raises(SignatureRejected):
        opened(raw, guest, server)


def test_each_faulty_bundle_is_refused(refused_bundle, unbase64):
    with pytest.raises(Malformed):
        Bundle.parse(unbase64(refused_bundle["plaintext"]))


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(1215), id="too-short"),
        pytest.param(b"\xff" * 1216, id="no-mlkem-key"),
        pytest.param(bytes(1216), id="an-x25519-point-of-low-order"),
    ],
)
def test_nothing_is_sealed_to_what_is_no_key(guest, server, vector, key):
    data, _ = guest
    bundle = Bundle.parse(vector("bundle")["plaintext"].encode())
    with pytest.raises(Malformed):
        seal_bundle(bundle, hpke_public_key=key, report_data=data.report_data, key=server)


def test_a_bundle_shows_nothing_of_itself():
    secret = "canary-7f3a"
    file = BundleFile(path="/x", mode=0o400, content=secret.encode())
    bundle = Bundle(
        workload="w",
        expires=0,
        fs_keys={"k": secret.encode()},
        files=(file,),
        env={"A": secret},
        argv=(secret,),
        certificate_chain=(),
    )
    assert secret not in repr(file) + repr(bundle) + str(bundle)


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
FS_KEY_NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,5}", fullmatch=True)
VARIABLE = st.from_regex(r"[A-BD-K_][A-Za-z0-9_]*", fullmatch=True)
SEGMENT = st.text(alphabet="abé-_ .", min_size=1, max_size=8).filter(lambda text: text not in {".", ".."})
BUNDLES = st.builds(
    Bundle,
    workload=st.just("redis"),
    expires=st.integers(0, 2**40),
    fs_keys=st.dictionaries(FS_KEY_NAME, st.binary(min_size=16, max_size=16)),
    files=st.lists(
        st.builds(
            BundleFile,
            path=st.lists(SEGMENT, min_size=1, max_size=4).map(lambda segments: "/" + "/".join(segments)),
            mode=st.integers(0, 0o777),
            content=st.binary(max_size=50),
        ),
        max_size=3,
    ).map(tuple),
    env=st.dictionaries(VARIABLE, TEXT),
    argv=st.lists(TEXT).map(tuple),
    certificate_chain=st.lists(st.binary(max_size=30)).map(tuple),
)


@given(BUNDLES)
@settings(max_examples=60)
def test_a_bundle_reads_back_as_it_was_written(bundle):
    assert Bundle.parse(bundle.encode()) == bundle


SMALL = (
    b'{"argv":["a"],"certificate_chain":["AA=="],"env":{"A":"b"},"expires":1,"files":[{"content":"AA==","mode":256,'
    b'"path":"/a/b"}],"fs_keys":{"k":"AAAAAAAAAAAAAAAAAAAAAA=="},"version":1,"workload":"w"}'
)
BYTES = list(b'{}[]",:\\0123456789truefalsnu-.eE/ \xff\x00')


@given(st.data())
@settings(max_examples=300)
def test_a_changed_bundle_is_read_or_refused(data):
    raw = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from(BYTES))
    with contextlib.suppress(Malformed):
        assert Bundle.parse(bytes(raw)).encode() == bytes(raw)


def test_a_member_of_another_type_is_refused(vector):
    good = json.loads(vector("bundle")["plaintext"])
    for name in good:
        for other in (None, True, 1.5, "x", 1, [], {}, [[]], [{}], {"a": None}):
            if type(other) is type(good[name]):
                continue
            with pytest.raises(Malformed):
                Bundle.parse(room.canonical.encode(good | {name: other}))
