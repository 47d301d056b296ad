"""The enclave before it runs: manifest, layout, measurement and the author's signature. No I/O, no Gramine, no SGX."""

from caisson.enclave.attributes import secs_attributes
from caisson.enclave.log import construction_log
from caisson.enclave.manifest import Manifest
from caisson.enclave.manifest_tables import (
    EnvironmentVariable,
    FileSystem,
    LibOs,
    Loader,
    LogLevel,
    Mount,
    MountType,
    RemoteAttestation,
    Sgx,
    TrustedFile,
)
from caisson.enclave.measurement import measure
from caisson.enclave.parameters import CpuFeatures, EnclaveParameters, Feature
from caisson.enclave.signing_key import SigningKey
from caisson.enclave.sigstruct import (
    NO_DATE,
    Signer,
    attach_signature,
    sign,
    unsigned_sigstruct,
    verify_sigstruct,
)

__all__ = [
    "NO_DATE",
    "CpuFeatures",
    "EnclaveParameters",
    "EnvironmentVariable",
    "Feature",
    "FileSystem",
    "LibOs",
    "Loader",
    "LogLevel",
    "Manifest",
    "Mount",
    "MountType",
    "RemoteAttestation",
    "Sgx",
    "Signer",
    "SigningKey",
    "TrustedFile",
    "attach_signature",
    "construction_log",
    "measure",
    "secs_attributes",
    "sign",
    "unsigned_sigstruct",
    "verify_sigstruct",
]
