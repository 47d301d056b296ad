"""What older Gramines had and 1.9 has not, and what takes its place.

Source: Gramine's release notes from 1.2 to 1.9, and Documentation/manifest-syntax.rst of each.
"""

from caisson.enclave.manifest.foreign import Setting

RENAMED = {
    "sgx.thread_num": "sgx.max_threads",
    "sgx.rpc_thread_num": "sgx.insecure__rpc_thread_num",
    "sgx.require_exinfo": "sgx.use_exinfo",
    "loader.exec": "libos.entrypoint",
    "sgx.insecure__protected_files_key": "fs.insecure__keys.default",
    "sgx.protected_files_key": "fs.insecure__keys.default",
}

DROPPED = {
    "sgx.nonpie_binary": "any program can be loaded",
    "sgx.static_address": "any program can be loaded",
    "sgx.allow_file_creation": "only allowed, encrypted and tmpfs files can be made",
    "sgx.ra_client_spid": "EPID has ended; DCAP needs no such number",
    "sgx.ra_client_linkable": "EPID has ended; DCAP has no such choice",
    "loader.pal_internal_mem_size": "the loader takes what it needs",
    "fs.experimental__enable_sysfs_topology": "it is always there",
    "sgx.zero_heap_on_demand": "memory is always cleared",
}

ENCRYPTED = {
    "sgx.protected_files": "default",
    "sgx.protected_mrenclave_files": "_sgx_mrenclave",
    "sgx.protected_mrsigner_files": "_sgx_mrsigner",
}

FEATURES = ("avx", "avx512", "amx", "mpx", "pkru")

PF_KEY_VARIABLE = "SECRET_PROVISION_SET_PF_KEY"


def replacement(setting: Setting) -> str | None:
    """Say what takes the place of a setting, or None if it is not one of older Gramines alone."""
    path, value = setting.path, setting.value
    if path == "sgx.remote_attestation":
        return 'now "none" or "dcap"' if value == "epid" or isinstance(value, bool) else None
    if path in _INSTEAD:
        return _INSTEAD[path]
    if setting.key is not None:
        return None
    stem = path.partition("[")[0]
    return next((words for old, words in _RESHAPED.items() if stem == old or path.startswith(f"{old}.")), None)


_INSTEAD = {
    **{old: f"now `{new}`" for old, new in RENAMED.items()},
    **{old: f"gone: {why}" for old, why in DROPPED.items()},
    **{f"sgx.require_{feature}": f"now `sgx.cpu_features.{feature}`" for feature in FEATURES},
    "loader.preload": "now `loader.entrypoint.uri`",
    "loader.entrypoint": "now `loader.entrypoint.uri`",
    f"loader.env.{PF_KEY_VARIABLE}": "now `SECRET_PROVISION_SET_KEY`",
}
_RESHAPED = {
    **{
        old: f'now one of `fs.mounts`, with `type = "encrypted"` and `key_name = "{key}"`'
        for old, key in ENCRYPTED.items()
    },
    "fs.mount": "now one of `fs.mounts`",
    "sgx.trusted_files": "now a list: `sgx.trusted_files`",
    "sgx.allowed_files": "now a list: `sgx.allowed_files`",
}
