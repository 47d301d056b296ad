"""The measured manifest as Caisson writes it (docs/reference/image.md)."""

from dataclasses import dataclass, field
from itertools import chain
from typing import Self

from caisson.enclave import toml
from caisson.enclave.manifest.filesystem import FileSystem
from caisson.enclave.manifest.loader import LibOs, Loader
from caisson.enclave.manifest.sgx import Sgx
from caisson.enclave.manifest.system import Sys
from caisson.enclave.table import Table
from caisson.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The whole manifest. `Manifest.parse(manifest.encode()) == manifest`."""

    libos: LibOs
    loader: Loader
    fs: FileSystem
    sgx: Sgx
    sys: Sys = field(default_factory=Sys)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a manifest that Caisson wrote, or could have written.

        Raises:
            Malformed: over 16 MiB, not in the part of TOML whose values are JSON, a missing or unknown key,
                or a value that no enclave can have.
        """
        table = Table(toml.read_plain(raw), name="")
        manifest = cls(
            libos=LibOs.of(table.table("libos")),
            loader=Loader.of(table.table("loader")),
            fs=FileSystem.of(table.table("fs")),
            sgx=Sgx.of(table.table("sgx")),
            sys=Sys.of(table.table("sys", default={})),
        )
        table.finish()
        return manifest

    def encode(self) -> bytes:
        """Write the manifest; the same manifest always gives the same bytes.

        Raises:
            Malformed: text with a NUL or without a form in UTF-8, or over 16 MiB.
        """
        tables = (self.libos, self.loader, self.fs, self.sgx, self.sys)
        raw = "\n".join(chain.from_iterable(table.lines() for table in tables)).encode()
        if len(raw) > toml.MAX_SIZE:
            raise Malformed(f"manifest has {len(raw)} bytes, over the limit of {toml.MAX_SIZE}")
        return raw
