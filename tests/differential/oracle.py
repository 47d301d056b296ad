"""Gramine's own tools, which judge what Caisson makes of the same input. They come from no package registry."""

import os
import random
import subprocess
from pathlib import Path

import pytest

PREFIX = Path(os.environ.get("CAISSON_GRAMINE", "/opt/gramine"))
# How many times as many cases as in a usual run: some hundred take minutes.
MORE = int(os.environ.get("CAISSON_DIFFERENTIAL", "1"))
FIRST_SEED = int(os.environ.get("CAISSON_DIFFERENTIAL_SEED", "0"))

needed = pytest.mark.skipif(
    not (PREFIX / "bin" / "gramine-sgx-sign").exists(), reason=f"needs Gramine at CAISSON_GRAMINE, not at {PREFIX}"
)


def seeds(count):
    """Name the cases of a test."""
    return range(FIRST_SEED, FIRST_SEED + count * MORE)


def chance(seed):
    """Give the random numbers of a case."""
    return random.Random(seed)


def python(*arguments, cwd=None, stdin=None):
    """Run a Python program with Gramine's package, which needs Debian's interpreter and packages."""
    (packages,) = PREFIX.glob("lib/python3*/site-packages")
    environment = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": f"{packages}:/usr/lib/python3/dist-packages",
    }
    command = ["/usr/bin/python3", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, input=stdin, capture_output=True, text=True, check=False)


def tool(name, *arguments, cwd=None):
    """Run one of Gramine's Python tools."""
    return python(PREFIX / "bin" / name, *arguments, cwd=cwd)


def sign(directory, key, *, date, chroot=None):
    """Sign `app.manifest` and `libpal.so` of a directory into `app.manifest.sgx` and `app.sig`."""
    return tool(
        "gramine-sgx-sign",
        *("--manifest", "app.manifest", "--output", "app.manifest.sgx", "--sigfile", "app.sig", "--quiet"),
        *("--libpal", "libpal.so", "--key", key, "--date", date),
        *(() if chroot is None else ("--chroot", chroot)),
        cwd=directory,
    )


_SIGN_AS_IT_STANDS = """
import sys
from graminelibos import get_tbssigstruct
from graminelibos.sgx_sign import sign_with_private_key_from_pem_path
from collections import namedtuple
directory, key, date = sys.argv[1:]
Date = namedtuple("Date", "year month day")
sigstruct = get_tbssigstruct(f"{directory}/app.manifest", Date(*map(int, date.split("-"))), f"{directory}/libpal.so")
sigstruct.sign(sign_with_private_key_from_pem_path, key)
sys.stdout.write(sigstruct.to_bytes().hex())
"""


def sign_as_it_stands(directory, key, *, date):
    """Sign `app.manifest` without writing it anew, so that Gramine measures whatever spelling it has."""
    done = python("-c", _SIGN_AS_IT_STANDS, directory, key, date)
    assert done.returncode == 0, done.stderr
    return bytes.fromhex(done.stdout)
