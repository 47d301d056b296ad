"""Manifests that others wrote: read whatever they say, and modelled where 1.9 can have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.enclave.manifest import Foreign, Manifest, Mount, explain, explain_keys
from caisson.enclave.manifest.foreign import write
from caisson.errors import Malformed

FOREIGN = """
loader.entrypoint.uri = "file:/lib/libsysdb.so"
libos.entrypoint = "/bin/app"
loader.env.A = { value = "1" }
loader.env.B = { passthrough = true }
fs.mounts = [
  { path = "/lib", uri = "file:/lib" },
  { type = "tmpfs", path = "/tmp" },
]
fs.root = { type = "chroot", uri = "file:/" }
sgx.trusted_files = [{ uri = "file:/bin/app", sha256 = "%s" }]
sgx.enclave_size = "512M"
sys.ioctl_structs.a = [{ size = 8, direction = "out" }, { ptr = "b" }]
sys.ioctl_structs.b = [{ size = "n" }]
""" % ("ab" * 32)


def foreign(text):
    return Foreign.parse(text.encode())


def test_a_foreign_manifest_becomes_a_model_that_says_what_gramine_assumes():
    model = foreign(FOREIGN).model()
    assert model.loader.argv == ("/bin/app",)
    assert [(item.name, item.value) for item in model.loader.env] == [("A", "1"), ("B", None)]
    assert model.fs.mounts == (Mount(type="chroot", path="/lib", uri="file:/lib"), Mount(path="/tmp"))
    assert model.fs.root.uri == "file:/"
    assert model.sgx.remote_attestation == "none"
    assert model.sgx.max_threads == 4
    assert Manifest.parse(model.encode()) == model


def test_our_own_manifest_is_modelled_as_itself():
    model = foreign(FOREIGN).model()
    assert Foreign.parse(model.encode()).model() == model


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('"512M"', '"much"', id="value"),
        pytest.param("sgx.enclave_size", "sgx.enclave_siz", id="key"),
        pytest.param(f', sha256 = "{"ab" * 32}"', "", id="file that nobody hashed"),
        pytest.param('ptr = "b"', "ptr = [{ size = 1 }]", id="layout in a layout"),
        pytest.param("fs.mounts = [", "fs.mounts = 1\nfs.more = [", id="mounts that are none"),
        pytest.param("libos.entrypoint", "top = 1\nlibos.entrypoint", id="value outside of tables"),
        pytest.param('libos.entrypoint = "/bin/app"', "", id="nothing to start"),
    ],
)
def test_what_1_9_cannot_have_is_no_model(old, new):
    assert old in FOREIGN
    with pytest.raises(Malformed):
        foreign(FOREIGN.replace(old, new, 1)).model()


def test_a_table_in_the_place_of_another_is_refused():
    with pytest.raises(Malformed):
        foreign("[sgx]\ncpu_features = 1").model()


def test_values_are_found_by_their_path():
    paths = {setting.path: setting for setting in foreign(FOREIGN).settings()}
    assert paths["fs.mounts[1].type"].value == "tmpfs"
    assert paths["loader.env.B.passthrough"].key.name == "loader.env.*.passthrough"
    assert all(setting.fault is None for setting in paths.values())


def test_a_variable_whose_name_needs_quotes_is_one():
    setting, *_ = foreign('loader.env."a.b" = "1"').settings()
    assert setting.key.name == "loader.env.*"
    assert setting.fault is None


def test_what_is_nested_too_deep_is_refused():
    with pytest.raises(Malformed, match="nested too deep"):
        foreign(".".join("a" * 20) + " = 1")


@pytest.mark.parametrize("text", ["a = ", "a = 1\na = 2", "\x00", "{{ x }}"])
def test_what_is_not_toml_is_refused(text):
    with pytest.raises(Malformed):
        foreign(text)


def test_expressions_outside_of_texts_are_kept_where_they_stand():
    read = foreign("{% set x = 1 %}\n[sgx]\nmax_threads = {{ x }} # of them\ndebug = {{ 'true' }}\n")
    assert read.document == {"sgx": {"max_threads": "{{ x }}", "debug": "{{ 'true' }}"}}
    assert write(read.document) == "[sgx]\nmax_threads = {{ x }}\ndebug = {{ 'true' }}\n"


@given(
    st.recursive(
        st.one_of(st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.text("aä\n\"'\\ ", max_size=5)),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text('a.ä"-', max_size=3), below, max_size=3),
        max_leaves=12,
    ).filter(lambda value: isinstance(value, dict))
)
def test_whatever_is_written_is_read_back(document):
    assert foreign(write(document)).document == document


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    try:
        read = Foreign.parse(raw)
    except Malformed:
        return
    explain(read)
    read.variables()


def test_a_root_without_a_type_shows_the_host():
    assert foreign(FOREIGN.replace('fs.root = { type = "chroot", ', "fs.root = { ")).model().fs.root.type == "chroot"


def test_a_manifest_without_a_root_has_none():
    assert foreign(FOREIGN.replace('fs.root = { type = "chroot", uri = "file:/" }', "")).model().fs.root is None


def test_dates_and_fractions_are_written_as_they_are():
    assert write({"a": {"b": 1.5}}) == "[a]\nb = 1.5\n"


def test_every_setting_is_explained():
    meanings = {each.path: each.meaning for each in explain(foreign(FOREIGN + "sgx.thread_num = 4\nsgx.new = 1\n"))}
    assert "power of two" in meanings["sgx.enclave_size"]
    assert meanings["sgx.thread_num"] == "now `sgx.max_threads`"
    assert "no key of Gramine" in meanings["sgx.new"]
    assert "sgx.trusted_files" in meanings


def test_keys_are_found_by_their_beginning_or_a_part():
    assert [key.name for key in explain_keys("sgx.debug")] == ["sgx.debug"]
    assert {key.name for key in explain_keys("exinfo")} >= {"sgx.use_exinfo"}
    assert explain_keys("nothing like it") == ()
