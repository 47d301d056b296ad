"""Bringing a manifest of an older Gramine, from 1.2 on, to 1.9: first its syntax, then what is unsafe in it."""

import copy
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from caisson.enclave.manifest.foreign import Foreign, is_template, spell, write
from caisson.enclave.manifest.lint.enclave import LEAST_THREADS
from caisson.enclave.manifest.lint.words import is_code, is_loader_relevant, is_secret
from caisson.enclave.manifest.removed import DROPPED, ENCRYPTED, FEATURES, PF_KEY_VARIABLE, RENAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A migrated manifest as TOML text, and each change in words."""

    text: str
    changes: tuple[str, ...]


def migrate(manifest: Foreign, *, harden: bool) -> Migration:
    """Bring a manifest to Gramine 1.9.

    With `harden` also what gives something away to the host is taken out: better a program that does not start than one
    that does and protects nothing. Comments are not kept. What is right already stays as it is.

    Raises:
        Malformed: a text that no manifest can hold.
    """
    work = _Work(manifest)
    work.syntax()
    if harden:
        work.harden()
    return Migration(text=write(work.document), changes=tuple(work.changes))


class _Work:
    """A manifest under change."""

    def __init__(self, manifest: Foreign) -> None:
        self.document: dict[str, Any] = copy.deepcopy(manifest.document)
        self.changes: list[str] = []

    def syntax(self) -> None:
        for name in ("fs", "libos", "loader", "sgx"):
            self._table(name)
        for old, why in DROPPED.items():
            if self._take(old) is not None:
                self._note(f"{old}: removed, {why}")
        for old, new in RENAMED.items():
            self._move(old, new, lambda value: value)
        self._move("loader.preload", "loader.entrypoint.uri", lambda value: value)
        if isinstance(entrypoint := self._get("loader.entrypoint"), str):
            self._set("loader.entrypoint", {"uri": entrypoint})
            self._note("loader.entrypoint: now `loader.entrypoint.uri`")
        for feature in FEATURES:
            self._move(f"sgx.require_{feature}", f"sgx.cpu_features.{feature}", partial(_feature, feature))
        self._attestation()
        self._lists()
        self._mounts()
        self._move(f"loader.env.{PF_KEY_VARIABLE}", "loader.env.SECRET_PROVISION_SET_KEY", _key_name)

    def harden(self) -> None:
        self._drop("loader.insecure__use_host_env", "name what the program needs in `loader.env`")
        self._drop("loader.env_src_file", "name what the program needs in `loader.env`")
        self._drop("loader.argv_src_file", "say the arguments in `loader.argv`")
        self._drop("loader.insecure__use_cmdline_argv", "say the arguments in `loader.argv`")
        self._drop("fs.insecure__keys", "let a key server give the keys")
        for name in ("sgx.enable_stats", "sgx.profile", "sgx.vtune_profile", "sys.debug__mock_syscalls"):
            self._drop(name, "for debugging only")
        for name in [name for name in self._table("loader") if name.startswith("insecure__")]:
            self._drop(f"loader.{name}", "insecure")
        for table in ("sgx", "sys"):
            for name in [name for name in self._get(table) or {} if name.startswith(("insecure__", "experimental__"))]:
                self._drop(f"{table}.{name}", "its name says that it is not for production")
        self._correct("sgx.debug", value=False)
        self._correct("sgx.remote_attestation", "dcap")
        self._correct("sgx.file_check_policy", "strict", only_if_there=True)
        self._correct("loader.log_level", "error", only_if_there=True)
        for number in ("sgx.isvprodid", "sgx.isvsvn"):
            if self._get(number) in (None, 0):
                self._correct(number, 1)
        if self._get("loader.argv") is None and isinstance(entrypoint := self._get("libos.entrypoint"), str):
            self._correct("loader.argv", [posixpath.basename(entrypoint)])
        threads = self._get("sgx.max_threads")
        if isinstance(threads, int) and threads < LEAST_THREADS and self._get("sgx.edmm_enable") is not True:
            self._correct("sgx.max_threads", LEAST_THREADS)
        self._harden_files()
        self._harden_environment()

    def _attestation(self) -> None:
        value = self._get("sgx.remote_attestation")
        if value == "epid" or isinstance(value, bool):
            self._set("sgx.remote_attestation", "dcap" if value else "none")
            self._note(f"sgx.remote_attestation: {spell(value)} is now {spell(self._get('sgx.remote_attestation'))}")

    def _lists(self) -> None:
        for name in ("sgx.trusted_files", "sgx.allowed_files"):
            if isinstance(files := self._get(name), dict):
                self._set(name, list(files.values()))
                self._note(f"{name}: now a list")

    def _mounts(self) -> None:
        mounts = self._get("fs.mounts")
        mounts = mounts if isinstance(mounts, list) else []
        if isinstance(old := self._take("fs.mount"), dict):
            # Before 1.2 a mount further down hid those above it only if its path was longer: shorter paths come first.
            found = [mount for mount in old.values() if isinstance(mount, dict)]
            mounts += sorted(found, key=lambda mount: str(mount.get("path", "")).count("/"))
            self._note("fs.mount: now `fs.mounts`")
        for name, key in ENCRYPTED.items():
            files = self._take(name)
            for uri in files.values() if isinstance(files, dict) else files if isinstance(files, list) else ():
                uri = uri.get("uri") if isinstance(uri, dict) else uri  # noqa: PLW2901 - the same file, spelled shorter
                mounts.append(_encrypted(str(uri), key))
                self._note(f"{name}: `{uri}` is now an encrypted mount with the key `{key}`")
        self._set("fs.mounts", mounts)

    def _harden_files(self) -> None:
        trusted = Foreign(document=self.document).trusted()
        allowed = self._get("sgx.allowed_files")
        for uri in list(allowed) if isinstance(allowed, list) else ():
            if str(uri).endswith(("/", ":", ":.")) or is_code(str(uri)) or uri in trusted or "/etc/" in str(uri):
                allowed.remove(uri)
                self._note(f"sgx.allowed_files: `{uri}` removed; trust it, or mount `tmpfs` or `encrypted` there")
        if any("/etc/" in uri for uri in trusted):
            kept = [item for item in self._get("sgx.trusted_files") if not _is_host_file(item)]
            self._set("sgx.trusted_files", kept)
            self._correct("sys.enable_extra_runtime_domain_names_conf", value=True)
        for mount in self._get("fs.mounts"):
            if isinstance(mount, dict) and str(mount.get("key_name", "")).startswith("_sgx_"):
                mount["key_name"] = "default"
                self._note(f"fs.mounts: `{mount.get('path')}` has the key `default` now; what is there must be copied")

    def _harden_environment(self) -> None:
        variables = Foreign(document=self.document).variables()
        for name, value in variables.items():
            if value is None and is_loader_relevant(name):
                self._drop(f"loader.env.{name}", "the host must not choose what is loaded")
            elif value is not None and is_secret(name, value):
                self._drop(f"loader.env.{name}", "let the key server send it")

    def _drop(self, path: str, instead: str) -> None:
        if self._take(path) is not None:
            self._note(f"{path}: removed; {instead}")

    def _correct(self, path: str, value: Any, *, only_if_there: bool = False) -> None:
        found = self._get(path)
        if found == value or (found is None and only_if_there) or is_template(found):
            return
        self._set(path, value)
        self._note(f"{path}: now {spell(value)}")

    def _move(self, old: str, new: str, change: Callable[[Any], Any]) -> None:
        value = self._take(old)
        if value is not None:
            self._set(new, change(value))
            self._note(f"{old}: now `{new}`")

    def _table(self, name: str) -> dict[str, Any]:
        table = self.document.get(name)
        if not isinstance(table, dict):
            table = self.document[name] = {}
        return table

    def _get(self, path: str) -> Any:
        return Foreign(document=self.document).raw(path)

    def _take(self, path: str) -> Any:
        above, _, name = path.rpartition(".")
        table = self._get(above)
        return table.pop(name, None) if isinstance(table, dict) else None

    def _set(self, path: str, value: Any) -> None:
        *above, name = path.split(".")
        table = self.document
        for step in above:
            below = table.get(step)
            if not isinstance(below, dict):
                below = table[step] = {}
            table = below
        table[name] = value

    def _note(self, change: str) -> None:
        self.changes.append(change)


def _feature(name: str, wanted: Any) -> str:
    return "required" if wanted else "disabled" if name in ("mpx", "pkru") else "unspecified"


def _key_name(value: Any) -> Any:
    return "default" if value in ("1", "y", "true") else value


def _encrypted(uri: str, key: str) -> dict[str, Any]:
    path = posixpath.normpath("/" + uri.removeprefix("file:"))
    return {"type": "encrypted", "path": path, "uri": uri, "key_name": key}


def _is_host_file(item: Any) -> bool:
    uri = item.get("uri") if isinstance(item, dict) else item
    return str(uri).rstrip("/") in ("file:/etc", "file:/etc/hosts", "file:/etc/resolv.conf", "file:/etc/hostname")
