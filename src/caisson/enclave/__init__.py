"""The enclave before it runs: manifest, layout, measurement and the author's signature. No Gramine, no SGX.

Nothing here does I/O, but for `token_key`, which is imported by itself because its library takes a while to load.
"""

from caisson.enclave.attributes import secs_attributes
from caisson.enclave.layout import LayoutConstants
from caisson.enclave.log import construction_log
from caisson.enclave.manifest import (
    AllowedIoctl,
    EnvironmentVariable,
    ExposedKey,
    FileSystem,
    IoctlPart,
    IoctlStruct,
    LibOs,
    LibOsBinary,
    Loader,
    LogLevel,
    Manifest,
    MockedCall,
    Mount,
    MountType,
    Profile,
    RemoteAttestation,
    Root,
    SealKey,
    Sgx,
    Sys,
    TrustedFile,
)
from caisson.enclave.measurement import measure
from caisson.enclave.parameters import CpuFeatures, EnclaveParameters, Feature
from caisson.enclave.pem import read_private_key, write_private_key
from caisson.enclave.pkcs11_uri import Pkcs11Uri
from caisson.enclave.runtime import (
    DIRECT_PAL,
    LIBC,
    LIBOS,
    SGX_LOADER,
    SGX_PAL,
    Libc,
    RuntimeBundle,
    layout_of,
    version_key,
)
from caisson.enclave.signing_key import SigningKey, load_public_key, public_pem
from caisson.enclave.sigstruct import (
    NO_DATE,
    Signer,
    attach_signature,
    mr_signer_of,
    sign,
    unsigned_sigstruct,
    verify_sigstruct,
)

__all__ = [
    "DIRECT_PAL",
    "LIBC",
    "LIBOS",
    "NO_DATE",
    "SGX_LOADER",
    "SGX_PAL",
    "AllowedIoctl",
    "CpuFeatures",
    "EnclaveParameters",
    "EnvironmentVariable",
    "ExposedKey",
    "Feature",
    "FileSystem",
    "IoctlPart",
    "IoctlStruct",
    "LayoutConstants",
    "LibOs",
    "LibOsBinary",
    "Libc",
    "Loader",
    "LogLevel",
    "Manifest",
    "MockedCall",
    "Mount",
    "MountType",
    "Pkcs11Uri",
    "Profile",
    "RemoteAttestation",
    "Root",
    "RuntimeBundle",
    "SealKey",
    "Sgx",
    "Signer",
    "SigningKey",
    "Sys",
    "TrustedFile",
    "attach_signature",
    "construction_log",
    "layout_of",
    "load_public_key",
    "measure",
    "mr_signer_of",
    "public_pem",
    "read_private_key",
    "secs_attributes",
    "sign",
    "unsigned_sigstruct",
    "verify_sigstruct",
    "version_key",
    "write_private_key",
]
