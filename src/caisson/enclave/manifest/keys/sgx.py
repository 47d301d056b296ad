"""The keys of `sgx`.

Source: Gramine 1.9, Documentation/manifest-syntax.rst and python/graminelibos/manifest_check.py.
"""

from typing import get_args

from caisson.enclave.manifest.key import Key, Kind
from caisson.enclave.manifest.keys.vocabulary import (
    BOOLEAN,
    INTEGER,
    MAX_U16,
    SIZE,
    TEXT,
    TEXTS,
    D,
    FileCheckPolicy,
    P,
    ProfileEnable,
    ProfileMode,
    RemoteAttestation,
    S,
)

_FEATURE = ("unspecified", "disabled", "required")
_FIXED_FEATURE = ("disabled", "required")

SGX = (
    Key(
        name="sgx.debug",
        kind=BOOLEAN,
        security=S,
        default=False,
        written=True,
        meaning="whether the host may read and change the enclave's memory",
    ),
    Key(
        name="sgx.enclave_size",
        kind=SIZE,
        security=P,
        default="256M",
        written=True,
        meaning="all the memory that the enclave will ever have, a power of two; measured. With EDMM the default is"
        " `1024G`",
    ),
    Key(
        name="sgx.max_threads",
        kind=INTEGER,
        security=P,
        default=4,
        written=True,
        least=1,
        meaning="how many threads can be inside at once; the library OS needs up to three of them; measured",
    ),
    Key(
        name="sgx.edmm_enable",
        kind=BOOLEAN,
        security=S,
        default=False,
        written=True,
        meaning="whether memory is added while the enclave runs (SGX2, Linux 6.0), and code pages lose their right"
        " to be written",
    ),
    Key(
        name="sgx.isvprodid",
        kind=INTEGER,
        security=S,
        default=0,
        most=MAX_U16,
        written=True,
        meaning="number of the product among all that the signer signs; policies tell products apart by it",
    ),
    Key(
        name="sgx.isvsvn",
        kind=INTEGER,
        security=S,
        default=0,
        most=MAX_U16,
        written=True,
        meaning="security version: rises with each security fix, so that policies can refuse what is older",
    ),
    Key(
        name="sgx.remote_attestation",
        kind=TEXT,
        security=S,
        default="none",
        choices=get_args(RemoteAttestation),
        written=True,
        meaning="whether the enclave can prove to others what it is",
    ),
    Key(
        name="sgx.file_check_policy",
        kind=TEXT,
        security=S,
        default="strict",
        choices=get_args(FileCheckPolicy),
        meaning="what happens to files that are neither trusted nor allowed: `strict` refuses them, the other trusts"
        " the host with them",
    ),
    Key(
        name="sgx.allowed_files",
        kind=TEXTS,
        security=S,
        meaning="files of the host that are taken unchecked: the host may change them at any time",
    ),
    Key(
        name="sgx.use_exinfo",
        kind=BOOLEAN,
        security=S,
        default=False,
        meaning="whether the CPU tells the enclave the address of a memory fault; runtimes that handle faults"
        " themselves (JVM, V8, Go) need it; measured",
    ),
    Key(
        name="sgx.insecure__allow_memfaults_without_exinfo",
        kind=BOOLEAN,
        security=S,
        default=False,
        meaning="whether memory faults that the host may have invented reach the program",
    ),
    Key(
        name="sgx.insecure__rpc_thread_num",
        kind=INTEGER,
        security=S,
        default=0,
        meaning="number of threads outside that make system calls without leaving the enclave; exposed to known"
        " attacks on CPUs",
    ),
    Key(
        name="sgx.preheat_enclave",
        kind=BOOLEAN,
        security=P,
        default=False,
        meaning="whether all memory is touched at the start, so that later accesses are quick; not with EDMM",
    ),
    Key(
        name="sgx.enable_stats",
        kind=BOOLEAN,
        security=D,
        default=False,
        meaning="whether statistics of the enclave are printed; debug enclaves only",
    ),
    Key(
        name="sgx.vtune_profile",
        kind=BOOLEAN,
        security=D,
        default=False,
        meaning="whether Intel VTune can profile the enclave; debug enclaves only",
    ),
    *(
        Key(
            name=f"sgx.cpu_features.{name}",
            kind=TEXT,
            security=S,
            default=choices[0],
            choices=choices,
            written=True,
            meaning=f"whether the enclave uses {what}; what is said here is part of the signature",
        )
        for name, choices, what in (
            ("avx", _FEATURE, "AVX"),
            ("avx512", _FEATURE, "AVX-512"),
            ("amx", _FEATURE, "AMX"),
            ("mpx", _FIXED_FEATURE, "MPX (bounds checking)"),
            ("pkru", _FIXED_FEATURE, "protection keys"),
        )
    ),
    Key(
        name="sgx.seal_key.flags_mask",
        kind=Kind.MASK,
        security=S,
        default="0xffffffffffffffff",
        meaning="which attributes of the enclave its sealing keys depend on",
    ),
    Key(
        name="sgx.seal_key.xfrm_mask",
        kind=Kind.MASK,
        security=S,
        default="0xfffffffffff9ff1b",
        meaning="which CPU features the sealing keys depend on",
    ),
    Key(
        name="sgx.seal_key.misc_mask",
        kind=Kind.MASK,
        security=S,
        default="0xffffffff",
        meaning="which MISCSELECT bits the sealing keys depend on",
    ),
    Key(
        name="sgx.profile.enable",
        kind=TEXT,
        security=D,
        default="none",
        choices=get_args(ProfileEnable),
        meaning="which processes are profiled; debug enclaves only",
    ),
    Key(
        name="sgx.profile.mode",
        kind=TEXT,
        security=D,
        default="aex",
        choices=get_args(ProfileMode),
        meaning="which events the profiler records",
    ),
    Key(
        name="sgx.profile.with_stack",
        kind=BOOLEAN,
        security=D,
        default=False,
        meaning="whether the profiler records the stack, secrets on it included",
    ),
    Key(
        name="sgx.profile.frequency",
        kind=INTEGER,
        security=D,
        default=50,
        least=1,
        meaning="how many samples a second the profiler takes",
    ),
    Key(
        name="sgx.trusted_files[]",
        kind=Kind.URI,
        security=S,
        meaning="a file, or with a final `/` a directory, that the signer shall hash",
    ),
    Key(
        name="sgx.trusted_files[].uri",
        kind=Kind.URI,
        security=S,
        written=True,
        meaning="a file of the host that is taken only with the content it had when the manifest was made",
    ),
    Key(
        name="sgx.trusted_files[].sha256",
        kind=Kind.SHA256,
        security=S,
        written=True,
        meaning="the SHA-256 of that content",
    ),
)
