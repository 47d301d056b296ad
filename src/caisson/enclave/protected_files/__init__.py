"""Gramine's encrypted files (docs/reference/protected-files.md): read and written on open files, never by path."""

from caisson.enclave.protected_files.layout import FileKey, Header, normal_path
from caisson.enclave.protected_files.reader import Reader
from caisson.enclave.protected_files.writer import encrypt

__all__ = ["FileKey", "Header", "Reader", "encrypt", "normal_path"]
