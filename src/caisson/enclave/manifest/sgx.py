"""The table `sgx`: the enclave, and the files it takes from the host."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from caisson.enclave.manifest.keys.vocabulary import FileCheckPolicy, ProfileEnable, ProfileMode, RemoteAttestation
from caisson.enclave.manifest.section import lines, lines_if_any, pairs, require_unique, require_valid, take
from caisson.enclave.parameters import CpuFeatures, EnclaveParameters
from caisson.enclave.table import Table
from caisson.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedFile:
    """A file whose content is measured: `uri` is `file:` and a path, `sha256` 64 lower-case hex digits.

    Raises:
        Malformed: another form of either.
    """

    uri: str
    sha256: str

    def __post_init__(self) -> None:
        if not self.uri.startswith("file:"):
            raise Malformed(f"manifest has a trusted file whose URI is not `file:…`: {self.uri[:80]!r}")
        require_valid("sgx.trusted_files[]", self)

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        file = cls(**take(table, "sgx.trusted_files[]"))
        table.finish()
        return file

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return lines("[[sgx.trusted_files]]", "sgx.trusted_files[]", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealKey:
    """The table `sgx.seal_key`: what the CPU's sealing keys depend on, as masks in hex.

    Raises:
        Malformed: a mask in another form.
    """

    flags_mask: str = "0xffffffffffffffff"
    xfrm_mask: str = "0xfffffffffff9ff1b"
    misc_mask: str = "0xffffffff"

    def __post_init__(self) -> None:
        require_valid("sgx.seal_key", self)

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: an unknown or wrong key.
        """
        masks = cls(**take(table, "sgx.seal_key"))
        table.finish()
        return masks

    def lines(self) -> Iterator[str]:
        """Write the table, if it says anything."""
        return lines_if_any("[sgx.seal_key]", "sgx.seal_key", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The table `sgx.profile`, for debug enclaves.

    Raises:
        Malformed: a value that Gramine does not take.
    """

    enable: ProfileEnable = "none"
    mode: ProfileMode = "aex"
    with_stack: bool = False
    frequency: int = 50

    def __post_init__(self) -> None:
        require_valid("sgx.profile", self)

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: an unknown or wrong key.
        """
        profile = cls(**take(table, "sgx.profile"))
        table.finish()
        return profile

    def lines(self) -> Iterator[str]:
        """Write the table, if it says anything."""
        return lines_if_any("[sgx.profile]", "sgx.profile", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sgx:
    """The table `sgx`. Trusted files are kept sorted by URI.

    Raises:
        Malformed: a value that no enclave can have, or a trusted file that is there twice.
    """

    enclave_size: str
    max_threads: int
    isvprodid: int
    isvsvn: int
    trusted_files: tuple[TrustedFile, ...]
    debug: bool = False
    edmm_enable: bool = False
    remote_attestation: RemoteAttestation = "dcap"
    cpu_features: CpuFeatures = field(default_factory=CpuFeatures)
    file_check_policy: FileCheckPolicy = "strict"
    allowed_files: tuple[str, ...] = ()
    use_exinfo: bool = False
    insecure__allow_memfaults_without_exinfo: bool = False
    insecure__rpc_thread_num: int = 0
    preheat_enclave: bool = False
    enable_stats: bool = False
    vtune_profile: bool = False
    seal_key: SealKey = field(default_factory=SealKey)
    profile: Profile = field(default_factory=Profile)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.trusted_files, key=lambda file: file.uri))
        require_unique([file.uri for file in ordered], "trusted file")
        object.__setattr__(self, "trusted_files", ordered)
        require_valid("sgx", self)
        EnclaveParameters.of(
            {
                "debug": self.debug,
                "enclave_size": self.enclave_size,
                "max_threads": self.max_threads,
                "edmm_enable": self.edmm_enable,
                "use_exinfo": self.use_exinfo,
                "isvprodid": self.isvprodid,
                "isvsvn": self.isvsvn,
            }
        )
        if self.preheat_enclave and self.edmm_enable:
            raise Malformed("manifest has `sgx.preheat_enclave` and `sgx.edmm_enable`, which exclude each other")

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        sgx = cls(
            cpu_features=CpuFeatures.of(table.table("cpu_features")),
            seal_key=SealKey.of(table.table("seal_key", default={})),
            profile=Profile.of(table.table("profile", default={})),
            trusted_files=tuple(map(TrustedFile.of, table.tables("trusted_files"))),
            **take(table, "sgx"),
        )
        table.finish()
        return sgx

    def lines(self) -> Iterator[str]:
        """Write the table and those below it."""
        yield from lines("[sgx]", "sgx", self)
        yield from pairs("[sgx.cpu_features]", self.cpu_features.settings())
        yield from self.seal_key.lines()
        yield from self.profile.lines()
        for file in self.trusted_files:
            yield from file.lines()
