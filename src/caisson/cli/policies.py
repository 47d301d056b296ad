"""Policies for evidence in files, which errors name."""

from pathlib import Path

from caisson.cli.files import named, read_bytes
from caisson.evidence import AnyPolicy, Policy, parse_policy


def read_policy(path: Path) -> AnyPolicy:
    """Read a policy for evidence of any kind.

    Raises:
        UsageError: it cannot be read.
        Malformed: not a policy for evidence.
    """
    with named(path):
        return parse_policy(read_bytes(path))


def read_enclave_policy(path: Path) -> Policy:
    """Read a policy for SGX enclaves.

    Raises:
        UsageError: it cannot be read.
        Malformed: not such a policy.
    """
    with named(path):
        return Policy.parse(read_bytes(path))
