"""Saying in plain words what a manifest says."""

from dataclasses import dataclass
from typing import Any

from caisson.enclave.manifest.foreign import Foreign
from caisson.enclave.manifest.key import Key
from caisson.enclave.manifest.keys import KEYS
from caisson.enclave.manifest.removed import replacement


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A value, and what it means; `key` is None where Gramine 1.9 has no such key."""

    path: str
    value: Any
    meaning: str
    key: Key | None


def explain(manifest: Foreign) -> tuple[Explanation, ...]:
    """Explain each value that a manifest sets, in its order; trusted files are counted, not listed."""
    found = [
        Explanation(
            path=setting.path,
            value=setting.value,
            key=setting.key,
            meaning=setting.key.meaning
            if setting.key is not None
            else replacement(setting) or "no key of Gramine 1.9: it does nothing, or keeps the manifest from loading",
        )
        for setting in manifest.settings()
        if not setting.path.startswith("sgx.trusted_files[")
    ]
    if trusted := manifest.trusted():
        (key,) = (key for key in KEYS if key.name == "sgx.trusted_files[].uri")
        found.append(Explanation(path="sgx.trusted_files", value=f"{len(trusted)} files", key=key, meaning=key.meaning))
    return tuple(found)


def explain_keys(wanted: str = "") -> tuple[Key, ...]:
    """Give the keys whose name begins with `wanted`, or in which it is one part."""
    exact = tuple(key for key in KEYS if key.name.startswith(wanted))
    return exact or tuple(key for key in KEYS if wanted in key.name)
