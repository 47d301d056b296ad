"""The manifest of Gramine 1.9: all its keys, a model that writes and reads it, and what can be said of it."""

from caisson.enclave.manifest.diff import Change, Difference, Version, diff
from caisson.enclave.manifest.document import Manifest
from caisson.enclave.manifest.explain import Explanation, explain, explain_keys
from caisson.enclave.manifest.filesystem import ExposedKey, FileSystem, Mount, Root
from caisson.enclave.manifest.foreign import Foreign, Setting, spell
from caisson.enclave.manifest.key import Key, Kind, Security
from caisson.enclave.manifest.keys import KEYS, find
from caisson.enclave.manifest.keys.vocabulary import Direction, FileCheckPolicy, LogLevel, MountType, RemoteAttestation
from caisson.enclave.manifest.lint import (
    RULES,
    TOOLS,
    Contents,
    Finding,
    Origin,
    Rule,
    Service,
    Severity,
    Subject,
    is_private_key,
    lint,
)
from caisson.enclave.manifest.loader import EnvironmentVariable, LibOs, LibOsBinary, Loader
from caisson.enclave.manifest.migrate import Migration, migrate
from caisson.enclave.manifest.sgx import Profile, SealKey, Sgx, TrustedFile
from caisson.enclave.manifest.system import AllowedIoctl, IoctlPart, IoctlStruct, MockedCall, Sys

__all__ = [
    "KEYS",
    "RULES",
    "TOOLS",
    "AllowedIoctl",
    "Change",
    "Contents",
    "Difference",
    "Direction",
    "EnvironmentVariable",
    "Explanation",
    "ExposedKey",
    "FileCheckPolicy",
    "FileSystem",
    "Finding",
    "Foreign",
    "IoctlPart",
    "IoctlStruct",
    "Key",
    "Kind",
    "LibOs",
    "LibOsBinary",
    "Loader",
    "LogLevel",
    "Manifest",
    "Migration",
    "MockedCall",
    "Mount",
    "MountType",
    "Origin",
    "Profile",
    "RemoteAttestation",
    "Root",
    "Rule",
    "SealKey",
    "Security",
    "Service",
    "Setting",
    "Severity",
    "Sgx",
    "Subject",
    "Sys",
    "TrustedFile",
    "Version",
    "diff",
    "explain",
    "explain_keys",
    "find",
    "is_private_key",
    "lint",
    "migrate",
    "spell",
]
