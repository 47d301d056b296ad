"""Manifests of older Gramines become manifests of 1.9 in which nothing is found."""

import pytest

from caisson.enclave.manifest import Foreign, Subject, lint, migrate

OLD = """
# Redis, as manifests were at the time of Gramine 1.2
loader.entrypoint = "file:{{ gramine.libos }}"
libos.entrypoint = "/redis-server"
loader.log_level = "{{ log_level }}"
loader.insecure__use_cmdline_argv = true
loader.env.LD_LIBRARY_PATH = "/lib:{{ arch_libdir }}"
loader.env.SECRET_PROVISION_SET_PF_KEY = "1"
loader.env.DB_PASSWORD = "hunter2"
loader.env.LD_PRELOAD = { passthrough = true }
loader.insecure__disable_aslr = true
sys.enable_sigterm_injection = true
sys.insecure__allow_eventfd = true
fs.mount.usrlib.type = "chroot"
fs.mount.usrlib.path = "/usr/lib"
fs.mount.usrlib.uri = "file:/usr/lib"
fs.mount.lib.type = "chroot"
fs.mount.lib.path = "/lib"
fs.mount.lib.uri = "file:{{ gramine.runtimedir() }}"
[sgx]
debug = true
nonpie_binary = true
enclave_size = "1024M"
thread_num = 2
rpc_thread_num = 2
remote_attestation = true
ra_client_spid = ""
ra_client_linkable = false
require_avx = true
require_mpx = false
require_exinfo = true
protected_files_key = "ffeeddccbbaa99887766554433221100"
file_check_policy = "allow_all_but_log"
edmm_enable = {{ 'true' if env.get('EDMM', '0') == '1' else 'false' }}
trusted_files = ["file:{{ gramine.libos }}", "file:redis-server", { uri = "file:/etc/hosts" }]
allowed_files = ["file:data/", "file:/etc/resolv.conf", "file:plugin.so"]
protected_files = ["file:db/"]
protected_mrsigner_files = ["file:sealed/"]
"""
OLDER = """
loader.preload = "file:{{ gramine.libos }}"
loader.exec = "/app"
[sgx]
remote_attestation = "epid"
isvprodid = 4
isvsvn = 2
[sgx.trusted_files]
libc = "file:/lib/libc.so.6"
app = "file:/app"
[sgx.protected_files]
data = "file:/data"
"""


def found_in(text):
    return {finding.rule.id for finding in lint(Subject(manifest=Foreign.parse(text.encode())))}


def migrated(text, *, harden=True):
    return migrate(Foreign.parse(text.encode()), harden=harden)


@pytest.mark.parametrize("old", [OLD, OLDER])
def test_an_old_manifest_becomes_one_in_which_nothing_is_found(old):
    assert "L18" in found_in(old)
    assert found_in(migrated(old).text) == set()


@pytest.mark.parametrize("old", [OLD, OLDER])
def test_what_is_migrated_needs_no_migration(old):
    once = migrated(old)
    again = migrated(once.text)
    assert again.changes == ()
    assert Foreign.parse(again.text.encode()) == Foreign.parse(once.text.encode())


def test_old_names_become_new_ones_with_their_values():
    sgx = Foreign.parse(migrated(OLD, harden=False).text.encode())
    assert sgx.get("sgx.max_threads") == 2
    assert sgx.get("sgx.insecure__rpc_thread_num") == 2
    assert sgx.get("sgx.remote_attestation") == "dcap"
    assert sgx.get("sgx.cpu_features.avx") == "required"
    assert sgx.get("sgx.cpu_features.mpx") == "disabled"
    assert sgx.get("sgx.use_exinfo") is True
    assert sgx.get("fs.insecure__keys.default") == "ffeeddccbbaa99887766554433221100"
    assert sgx.variables()["SECRET_PROVISION_SET_KEY"] == "default"
    assert sgx.raw("sgx.edmm_enable").startswith("{{ 'true' if")


def test_mounts_keep_their_order_by_depth_and_protected_files_become_encrypted_mounts():
    mounts = Foreign.parse(migrated(OLD, harden=False).text.encode()).tables("fs.mounts")
    assert [mount["path"] for mount in mounts] == ["/lib", "/usr/lib", "/db", "/sealed"]
    assert mounts[2] == {"type": "encrypted", "path": "/db", "uri": "file:db/", "key_name": "default"}
    assert mounts[3]["key_name"] == "_sgx_mrsigner"


def test_syntax_alone_keeps_what_is_unsafe():
    text = migrated(OLD, harden=False).text
    assert {"L01", "L02", "L03", "L04", "L07", "L08", "L10", "L12", "L27"} <= found_in(text)
    assert "L18" not in found_in(text)


def test_each_change_is_told():
    changes = migrated(OLD).changes
    assert "sgx.thread_num: now `sgx.max_threads`" in changes
    assert any(change.startswith("loader.env.DB_PASSWORD: removed") for change in changes)
    assert not any("hunter2" in change or "ffeedd" in change for change in changes)


def test_a_manifest_that_is_right_stays_as_it_is():
    right = """
libos.entrypoint = "/app"
loader.argv = ["app"]
loader.entrypoint.uri = "file:{{ gramine.libos }}"
fs.mounts = [{ type = "tmpfs", path = "/tmp" }]
sgx.debug = false
sgx.remote_attestation = "dcap"
sgx.isvprodid = 1
sgx.isvsvn = 1
sgx.trusted_files = ["file:/app"]
sgx.allowed_files = ["file:/log"]
"""
    migration = migrated(right)
    assert migration.changes == ()
    assert Foreign.parse(migration.text.encode()) == Foreign.parse(right.encode())


def test_tables_that_are_none_are_made_ones():
    assert migrated("sgx = 1\nfs = 2\n").text.startswith("[sgx]")


def test_attestation_that_was_off_is_turned_on():
    assert 'remote_attestation = "none"' in migrated("sgx.remote_attestation = false", harden=False).text
    assert 'remote_attestation = "dcap"' in migrated("sgx.remote_attestation = false").text
