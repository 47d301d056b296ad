"""A real PKCS #11 token in software, for tests that need one: SoftHSM with a directory of its own.

One directory serves a whole run, because its configuration is named by a variable of the process.
"""

import itertools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "260-3141"

_names = (f"token-{number}" for number in itertools.count(1))


@dataclass(frozen=True)
class Token:
    """A token with a PIN and, after `put`, keys."""

    label: str

    def put(self, pem: Path, *, label: str, number: str = "01") -> None:
        """Import a private key in PEM (PKCS #8)."""
        _run("--import", str(pem), "--label", label, "--id", number, "--token", self.label, "--pin", PIN)

    def uri(self, key: str = "author", more: str = "") -> str:
        return f"pkcs11:token={self.label};object={key}?module-path={MODULE}{more}"


def new_token(directory: Path) -> Token:
    """Make a token; `directory` is the same for a whole run."""
    configuration = directory / "softhsm2.conf"
    if not configuration.exists():
        (directory / "tokens").mkdir()
        configuration.write_text(f"directories.tokendir = {directory}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    token = Token(next(_names))
    _run("--init-token", "--free", "--label", token.label, "--pin", PIN, "--so-pin", PIN)
    return token


def _run(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)
