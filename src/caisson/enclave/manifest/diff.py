"""What differs between two manifests, and what that does to policies and to data that was kept.

Source for what sealing keys depend on: Gramine 1.9, `sgx_get_seal_key` in pal/src/host/linux-sgx/enclave_framework.c
(MRENCLAVE or MRSIGNER, product, CPU and enclave security versions, masked attributes), and SDM vol. 3D, EGETKEY.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from caisson.enclave.manifest.foreign import Foreign
from caisson.enclave.manifest.key import Key
from caisson.enclave.manifest.keys import find
from caisson.sgx import MrEnclave, MrSigner

_ABSENT = None
_ENCRYPTED = "file:/.caisson/encrypted/"
_NOTHING = ("MRENCLAVE and signer are the same: nothing has to be done",)
_MRENCLAVE_KEY, _MRSIGNER_KEY = "_sgx_mrenclave", "_sgx_mrsigner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A manifest and, where it is known, the identity that goes with it."""

    raw: bytes
    mr_enclave: MrEnclave | None = None
    mr_signer: MrSigner | None = None

    @property
    def manifest(self) -> Foreign:
        """The manifest, read."""
        return Foreign.parse(self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that differs; None stands for a value that is not there."""

    path: str
    before: Any
    after: Any
    key: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptData:
    """Data that the old manifest keeps encrypted at a path, and whether the new enclave can read it; `why` says it."""

    path: str
    readable: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All that differs."""

    changes: tuple[Change, ...]
    same_bytes: bool
    same_enclave: bool
    kept: tuple[KeptData, ...]
    consequences: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether both are the same enclave."""
        return self.same_bytes and self.same_enclave


def diff(before: Version, after: Version) -> Difference:
    """Compare two manifests.

    Raises:
        Malformed: one that is not TOML.
    """
    old, new = before.manifest, after.manifest
    changes = tuple(_changes(_flat(old), _flat(new)))
    same_bytes = before.raw == after.raw
    same_enclave = same_bytes and before.mr_enclave == after.mr_enclave
    same_signer = before.mr_signer == after.mr_signer
    kept = tuple(_kept(old, new, same_enclave=same_enclave, same_signer=same_signer))
    told = (*_consequences(old, new, same_enclave=same_enclave, same_signer=same_signer), *_encrypted(old, new))
    return Difference(
        changes=changes,
        same_bytes=same_bytes,
        same_enclave=same_enclave,
        kept=kept,
        consequences=_NOTHING if same_enclave and same_signer else (*told, *(data.why for data in kept)),
    )


def _consequences(old: Foreign, new: Foreign, *, same_enclave: bool, same_signer: bool) -> Iterator[str]:
    if not same_enclave:
        yield "MRENCLAVE changes: a policy that pins it refuses the new enclave until it names the new one"
    versions = [(foreign.get("sgx.isvprodid"), foreign.get("sgx.isvsvn")) for foreign in (old, new)]
    (old_product, old_svn), (new_product, new_svn) = versions
    if not same_signer:
        yield "the signer changes: a policy that pins MRSIGNER refuses the new enclave"
    elif old_product != new_product:
        yield f"the product changes from {old_product} to {new_product}: a policy for the product refuses the new one"
    elif new_svn < old_svn:
        yield f"the security version falls from {old_svn} to {new_svn}: a policy that asks for {old_svn} refuses it"
    elif new_svn == old_svn:
        yield (
            f"signer, product and security version {new_svn} stay: a policy by signer accepts both, and goes on"
            " accepting the old one; raise `sgx.isvsvn` if the change is a security fix"
        )
    else:
        yield (
            f"the security version rises from {old_svn} to {new_svn}: a policy by signer accepts the new enclave, and"
            f" can refuse the old one from now on by asking for {new_svn}"
        )


def _encrypted(old: Foreign, new: Foreign) -> Iterator[str]:
    """Say what became of the program's encrypted files, into which nobody sees who has only the two images."""
    before, after = (
        {uri.removeprefix(_ENCRYPTED): digest for uri, digest in each.trusted().items() if uri.startswith(_ENCRYPTED)}
        for each in (old, new)
    )
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"no files are encrypted under `{name}` any more: they are gone, or in clear"
        elif name not in before:
            yield f"files are encrypted under `{name}`: the workload needs this key in `fs_keys`"
        elif before[name] != after[name]:
            yield f"the files encrypted under `{name}` are others, or their key is: only who has it can tell which"


def _kept(old: Foreign, new: Foreign, *, same_enclave: bool, same_signer: bool) -> Iterator[KeptData]:
    kept = {mount.get("path"): mount for mount in old.tables("fs.mounts") if mount.get("type") == "encrypted"}
    now = {mount.get("path"): mount for mount in new.tables("fs.mounts") if mount.get("type") == "encrypted"}
    attributes = ("sgx.debug", "sgx.isvsvn", "sgx.isvprodid", "sgx.use_exinfo")
    masks = ("sgx.seal_key", "sgx.cpu_features")
    same_key = (
        same_signer
        and all(old.get(name) == new.get(name) for name in attributes)
        and all(old.raw(name) == new.raw(name) for name in masks)
    )
    for path, mount in kept.items():
        name, other = mount.get("key_name", "default"), now.get(path)
        readable, why = False, ""
        if other is None:
            why = "is no encrypted mount any more: what is there stays encrypted"
        elif other.get("key_name", "default") != name:
            why = f"has another key, `{other.get('key_name', 'default')}`: what is there must be copied"
        elif other.get("uri") != mount.get("uri"):
            why = "is kept elsewhere: files are bound to their path on the host and will be refused there"
        elif name == _MRENCLAVE_KEY and not same_enclave:
            why = f"is lost: its key `{name}` is this MRENCLAVE's alone; copy it out first"
        elif name == _MRSIGNER_KEY and not same_key:
            why = f"is lost: its key `{name}` depends on signer, product, security version and attributes"
        elif name in (_MRENCLAVE_KEY, _MRSIGNER_KEY):
            readable, why = True, "stays readable on the same machine, until its microcode changes"
        else:
            readable, why = True, f"stays readable: its key `{name}` comes from the key server, if the policy accepts"
        yield KeptData(path=str(path), readable=readable, why=f"`{path}` {why}")


def _changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for path in sorted({*old, *new}):
        before, after = old.get(path, _ABSENT), new.get(path, _ABSENT)
        if before != after or type(before) is not type(after):
            yield Change(path=path, before=before, after=after, key=find(path))


def _flat(manifest: Foreign) -> dict[str, Any]:
    """Give each value by its path; trusted files and mounts by their name, not by their place in a list."""
    flat = {
        setting.path: setting.value
        for setting in manifest.settings()
        if not setting.path.startswith(("sgx.trusted_files", "fs.mounts["))
    }
    flat |= {f"sgx.trusted_files {uri}": digest or "" for uri, digest in manifest.trusted().items()}
    for mount in manifest.tables("fs.mounts"):
        flat |= {f"fs.mounts {mount.get('path')} {name}": value for name, value in mount.items() if name != "path"}
    return flat
