"""Words that several tables of keys need: values from a fixed list, limits, and short names of kinds and classes."""

from typing import Literal

from caisson.enclave.manifest.key import Kind, Security

LogLevel = Literal["none", "error", "warning", "debug", "trace", "all"]
MountType = Literal["chroot", "encrypted", "tmpfs", "untrusted_shm"]
RemoteAttestation = Literal["none", "dcap"]
FileCheckPolicy = Literal["strict", "allow_all_but_log"]
ProfileEnable = Literal["none", "main", "all"]
ProfileMode = Literal["aex", "ocall_inner", "ocall_outer"]
Direction = Literal["none", "out", "in", "inout"]

MAX_ID = (1 << 32) - 1
MAX_U16 = 0xFFFF
MIN_INT = -(1 << 63)

S, P, F, D = Security.SECURITY, Security.SIZING, Security.FUNCTION, Security.DEBUG
TEXT, TEXTS, BOOLEAN, INTEGER, SIZE = Kind.TEXT, Kind.TEXTS, Kind.BOOLEAN, Kind.INTEGER, Kind.SIZE
