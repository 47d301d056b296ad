"""The keys of `libos` and `loader`.

Source: Gramine 1.9, Documentation/manifest-syntax.rst and python/graminelibos/manifest_check.py.
"""

from typing import get_args

from caisson.enclave.manifest.key import Key, Kind
from caisson.enclave.manifest.keys.vocabulary import BOOLEAN, INTEGER, MAX_ID, TEXT, TEXTS, F, LogLevel, P, S

LIBOS = (
    Key(
        name="libos.entrypoint",
        kind=TEXT,
        security=S,
        written=True,
        meaning="path, inside, of the first program that starts; in a confidential image the guest agent",
    ),
    Key(
        name="libos.check_invalid_pointers",
        kind=BOOLEAN,
        security=P,
        default=True,
        meaning="whether system calls check the program's pointers; switching it off saves time and turns EFAULT"
        " into a crash",
    ),
)

LOADER = (
    Key(
        name="loader.argv",
        kind=TEXTS,
        security=S,
        written=True,
        meaning="the program's arguments, beginning with its name; measured, so the host cannot change them",
    ),
    Key(
        name="loader.log_level",
        kind=TEXT,
        security=S,
        default="error",
        choices=get_args(LogLevel),
        written=True,
        meaning="how much the library OS tells the host; beyond `error` it tells file names and system calls",
    ),
    Key(
        name="loader.uid",
        kind=INTEGER,
        security=F,
        default=0,
        most=MAX_ID,
        written=True,
        meaning="number of the user that the program believes to be",
    ),
    Key(
        name="loader.gid",
        kind=INTEGER,
        security=F,
        default=0,
        most=MAX_ID,
        written=True,
        meaning="number of the group that the program believes to be in",
    ),
    Key(
        name="loader.argv_src_file",
        kind=Kind.URI,
        security=S,
        meaning="file of the host with the arguments; since Gramine 1.8 nothing verifies it, so the host chooses them",
    ),
    Key(
        name="loader.env_src_file",
        kind=Kind.URI,
        security=S,
        meaning="file of the host with environment variables; since Gramine 1.8 nothing verifies it, so the host"
        " chooses them",
    ),
    Key(
        name="loader.insecure__use_cmdline_argv",
        kind=BOOLEAN,
        security=S,
        default=False,
        meaning="whether the host chooses the arguments",
    ),
    Key(
        name="loader.insecure__use_host_env",
        kind=BOOLEAN,
        security=S,
        default=False,
        meaning="whether all of the host's environment is passed in, LD_PRELOAD included",
    ),
    Key(
        name="loader.insecure__disable_aslr",
        kind=BOOLEAN,
        security=S,
        default=False,
        meaning="whether addresses are the same at each start, which helps whoever exploits a bug",
    ),
    Key(
        name="loader.log_file",
        kind=TEXT,
        security=S,
        meaning="file of the host that the library OS appends its log to, instead of standard error",
    ),
    Key(
        name="loader.entrypoint.uri",
        kind=Kind.URI,
        security=F,
        written=True,
        meaning="the library OS itself (`libsysdb.so`), which the loader starts",
    ),
    Key(
        name="loader.entrypoint.sha256",
        kind=Kind.SHA256,
        security=S,
        meaning="SHA-256 of the library OS; the loader refuses another",
    ),
    Key(
        name="loader.env.*",
        kind=TEXT,
        security=S,
        meaning="an environment variable with a measured value",
    ),
    Key(
        name="loader.env.*.value",
        kind=TEXT,
        security=S,
        meaning="an environment variable with a measured value, in its long spelling",
    ),
    Key(
        name="loader.env.*.passthrough",
        kind=BOOLEAN,
        security=S,
        meaning="an environment variable whose value the host chooses",
    ),
)
