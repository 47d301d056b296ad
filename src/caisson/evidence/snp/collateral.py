"""What verifying an SNP report needs, as files in a directory: nothing here is verified."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from caisson.errors import Malformed, UsageError

VEK, CHAIN, CRL = "vek.der", "chain.pem", "crl.der"
_HINT = f"such a directory holds `{VEK}`, `{CHAIN}` and perhaps `{CRL}`"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SnpCollateral:
    """The endorsement key's certificate, its authority's and root's (DER or PEM), and the revocation list (DER)."""

    vek: bytes
    chain: bytes
    crl: bytes | None

    def files(self) -> dict[str, bytes]:
        """Give the content of each file, by name."""
        named = {VEK: self.vek, CHAIN: self.chain, CRL: self.crl}
        return {name: content for name, content in named.items() if content is not None}

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read the files of a directory; the revocation list may be missing.

        Raises:
            UsageError: not a directory, or a file is missing or cannot be read.
            Malformed: a file of more than a mebibyte.
        """
        if not directory.is_dir():
            raise UsageError(f"collateral for an SNP report is a directory, and `{directory}` is none", hint=_HINT)
        has_crl = (directory / CRL).exists()
        return cls(
            vek=_read(directory / VEK),
            chain=_read(directory / CHAIN),
            crl=_read(directory / CRL) if has_crl else None,
        )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as cause:
        raise UsageError(f"cannot read `{path}`: {cause.strerror}", hint=_HINT) from cause
    if len(content) > _MOST_BYTES:
        raise Malformed(f"`{path}` has more than {_MOST_BYTES} bytes")
    return content
