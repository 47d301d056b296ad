"""The manifest of Gramine 1.9: all its keys, a model that writes and reads it, and what can be said of it."""

from caisson.enclave.manifest.document import Manifest
from caisson.enclave.manifest.filesystem import ExposedKey, FileSystem, Mount, Root
from caisson.enclave.manifest.key import Key, Kind, Security
from caisson.enclave.manifest.keys import KEYS, find
from caisson.enclave.manifest.keys.vocabulary import Direction, FileCheckPolicy, LogLevel, MountType, RemoteAttestation
from caisson.enclave.manifest.loader import EnvironmentVariable, LibOs, LibOsBinary, Loader
from caisson.enclave.manifest.sgx import Profile, SealKey, Sgx, TrustedFile
from caisson.enclave.manifest.system import AllowedIoctl, IoctlPart, IoctlStruct, MockedCall, Sys

__all__ = [
    "KEYS",
    "AllowedIoctl",
    "Direction",
    "EnvironmentVariable",
    "ExposedKey",
    "FileCheckPolicy",
    "FileSystem",
    "IoctlPart",
    "IoctlStruct",
    "Key",
    "Kind",
    "LibOs",
    "LibOsBinary",
    "Loader",
    "LogLevel",
    "Manifest",
    "MockedCall",
    "Mount",
    "MountType",
    "Profile",
    "RemoteAttestation",
    "Root",
    "SealKey",
    "Security",
    "Sgx",
    "Sys",
    "TrustedFile",
    "find",
]
