"""What a change means: for the measurement, for policies, for data that was kept."""

import pytest

from caisson.enclave.manifest import Version, diff
from caisson.sgx import MrEnclave, MrSigner

BASE = """
fs.mounts = [
  { type = "encrypted", path = "/data", uri = "file:/data", key_name = "data" },
  { type = "encrypted", path = "/cache", uri = "file:/cache", key_name = "_sgx_mrenclave" },
  { type = "encrypted", path = "/state", uri = "file:/state", key_name = "_sgx_mrsigner" },
]
sgx.isvprodid = 1
sgx.isvsvn = 3
sgx.trusted_files = [{ uri = "file:/app", sha256 = "aa" }]
"""
ENCLAVE, OTHER_ENCLAVE = MrEnclave(bytes(32)), MrEnclave(b"\1" * 32)
SIGNER, OTHER_SIGNER = MrSigner(bytes(32)), MrSigner(b"\2" * 32)


def compare(new, *, old=BASE, before=ENCLAVE, after=ENCLAVE, signer=SIGNER):
    return diff(
        Version(raw=old.encode(), mr_enclave=before, mr_signer=SIGNER),
        Version(raw=new.encode(), mr_enclave=after, mr_signer=signer),
    )


def test_the_same_is_the_same():
    found = compare(BASE)
    assert found.nothing
    assert found.changes == ()
    assert found.consequences == ("MRENCLAVE and signer are the same: nothing has to be done",)


def test_a_comment_alone_changes_the_measurement():
    found = compare("# hello\n" + BASE)
    assert not found.nothing
    assert found.changes == ()
    assert not found.same_enclave


def test_another_loader_changes_the_measurement():
    assert not compare(BASE, after=OTHER_ENCLAVE).same_enclave


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (None, "aa", "files are encrypted under `code`: the workload needs this key"),
        ("aa", "bb", "the files encrypted under `code` are others, or their key is"),
        ("aa", None, "no files are encrypted under `code` any more"),
        ("aa", "aa", None),
    ],
)
def test_what_became_of_encrypted_files_is_said(old, new, said):
    def manifest(digest):
        file = f', {{ uri = "file:/.caisson/encrypted/code", sha256 = "{digest}" }}' if digest else ""
        return BASE.replace('"aa" }', f'"aa" }}{file}')

    found = compare(manifest(new), old=manifest(old), after=OTHER_ENCLAVE).consequences
    assert [line for line in found if "`code`" in line][:1] == [
        line for line in found if said and line.startswith(said)
    ]


def test_a_changed_file_is_named_by_its_path():
    (change,) = compare(BASE.replace('"aa"', '"bb"')).changes
    assert (change.path, change.before, change.after) == ("sgx.trusted_files file:/app", "aa", "bb")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param('"aa"', '"bb"', ["raise `sgx.isvsvn`", "`/data` stays readable", "`/cache` is lost",
                                      "`/state` stays readable on the same machine"], id="file"),
        pytest.param("isvsvn = 3", "isvsvn = 4", ["rises from 3 to 4", "`/state` is lost"], id="newer"),
        pytest.param("isvsvn = 3", "isvsvn = 2", ["falls from 3 to 2"], id="older"),
        pytest.param("isvprodid = 1", "isvprodid = 2", ["product changes", "`/state` is lost"], id="product"),
        pytest.param("isvsvn = 3", "isvsvn = 3\nsgx.debug = true", ["`/state` is lost"], id="debug"),
        pytest.param("isvsvn = 3", 'isvsvn = 3\nsgx.seal_key.misc_mask = "0x0"', ["`/state` is lost"], id="masks"),
        pytest.param('key_name = "data"', 'key_name = "new"', ["`/data` has another key, `new`"], id="key"),
        pytest.param('uri = "file:/data"', 'uri = "file:/d"', ["`/data` is kept elsewhere"], id="place"),
        pytest.param('path = "/data"', 'path = "/d"', ["`/data` is no encrypted mount any more"], id="mount"),
    ],
)  # fmt: skip
def test_one_change_has_its_consequences(old, new, expected):
    assert old in BASE
    told = "\n".join(compare(BASE.replace(old, new, 1)).consequences)
    assert "MRENCLAVE changes" in told
    for words in expected:
        assert words in told


def test_what_can_be_read_is_told_apart_from_what_is_lost():
    found = compare(BASE.replace("isvsvn = 3", "isvsvn = 4"), after=OTHER_ENCLAVE)
    assert {data.path: data.readable for data in found.kept} == {"/data": True, "/cache": False, "/state": False}


def test_another_signer_loses_policies_and_what_its_key_sealed():
    told = "\n".join(compare(BASE, signer=OTHER_SIGNER).consequences)
    assert "the signer changes" in told
    assert "`/state` is lost" in told
    assert "`/cache` is lost" not in told
