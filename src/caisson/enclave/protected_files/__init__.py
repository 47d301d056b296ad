"""Gramine's encrypted files (docs/reference/protected-files.md): read and written on open files, never by path."""

from caisson.enclave.protected_files.layout import NODE, FileKey, Header, normal_path
from caisson.enclave.protected_files.reader import Reader
from caisson.enclave.protected_files.repeatable import encrypt_repeatably
from caisson.enclave.protected_files.writer import encrypt

__all__ = ["NODE", "FileKey", "Header", "Reader", "encrypt", "encrypt_repeatably", "normal_path"]
