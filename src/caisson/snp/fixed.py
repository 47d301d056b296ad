"""What SEV-SNP calls things: byte strings of a fixed length that have a meaning.

Source: AMD SEV-SNP Firmware ABI Specification (56860), ATTESTATION_REPORT.
"""

from caisson.abi import FixedBytes


class Measurement(FixedBytes):
    """The launch digest of the guest, SHA-384."""

    __slots__ = ()
    SIZE = 48


class HostData(FixedBytes):
    """What the host said about the guest when it launched it."""

    __slots__ = ()
    SIZE = 32


class FamilyId(FixedBytes):
    """The family of the guest, as its ID block names it."""

    __slots__ = ()
    SIZE = 16


class ImageId(FixedBytes):
    """The image of the guest, as its ID block names it."""

    __slots__ = ()
    SIZE = 16


class KeyDigest(FixedBytes):
    """SHA-384 of the public key that signed the ID block, or that key; zero where there is none."""

    __slots__ = ()
    SIZE = 48


class ReportId(FixedBytes):
    """The number of one guest, or of its migration agent, for as long as it runs."""

    __slots__ = ()
    SIZE = 32


class ChipId(FixedBytes):
    """The identity of one chip; zero where the host masks it. Turin uses the first eight bytes."""

    __slots__ = ()
    SIZE = 64

    @property
    def masked(self) -> bool:
        """Whether the host has hidden which chip it is."""
        return not any(self.value)
