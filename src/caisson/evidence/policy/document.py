"""What all policies have in common: they are tables of members, by version, and are read and written as such."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from caisson.evidence.policy.files import read_file, take_head, write_file
from caisson.evidence.policy.kinds import Member, read_members, write_members


class PolicyDocument:
    """A policy for one TEE; `versions` says which members each version of the file has."""

    __slots__ = ()

    tee: ClassVar[str]
    versions: ClassVar[Mapping[int, tuple[Member, ...]]]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a policy in TOML or JSON.

        Raises:
            Malformed: neither, for another TEE, or a field that is missing, unknown or wrong.
        """
        return cls.of(read_file(raw))

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        """Read the table of a policy.

        Raises:
            Malformed: for another TEE, or a field that is missing, unknown or wrong.
        """
        left = dict(value)
        version = take_head(left, tee=cls.tee, versions=tuple(cls.versions))
        return cls(**read_members(left, "policy", cls.versions[version]))

    @property
    def version(self) -> int:
        """The version in which it is written: the newest, unless an older one says all there is."""
        return max(self.versions)

    @property
    def members(self) -> dict[str, Any]:
        """The policy as a table."""
        return {"version": self.version, "tee": self.tee, **write_members(self, self.versions[self.version])}

    def encode(self) -> str:
        """Write the policy in TOML; what it gives, `parse` reads back as the same."""
        return write_file(self.members)
