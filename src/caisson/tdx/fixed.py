"""What TDX calls things: byte strings of a fixed length that have a meaning. Measurements are SHA-384 digests.

Source: Intel TDX Module ABI Specification, TDREPORT_STRUCT, TEE_TCB_INFO and TDINFO_STRUCT.
"""

from caisson.abi import FixedBytes


class TeeTcbSvn(FixedBytes):
    """TEE_TCB_SVN: the security versions of the TDX module and of what loaded it."""

    __slots__ = ()
    SIZE = 16

    @property
    def module_svn(self) -> int:
        """The TDX module's security version, byte 0."""
        return self.value[0]

    @property
    def module_version(self) -> int:
        """The TDX module's major version, byte 1; 0 for TDX 1.0 modules, which have no identity of their own."""
        return self.value[1]


class MrSeam(FixedBytes):
    """The measurement of the TDX module."""

    __slots__ = ()
    SIZE = 48


class MrSignerSeam(FixedBytes):
    """Who signed the TDX module; zero for modules of Intel."""

    __slots__ = ()
    SIZE = 48


class SeamAttributes(FixedBytes):
    """The attributes of the TDX module; zero for modules that may be trusted."""

    __slots__ = ()
    SIZE = 8


class Xfam(FixedBytes):
    """Which extended processor state the trust domain may use; a little-endian bit mask."""

    __slots__ = ()
    SIZE = 8


class MrTd(FixedBytes):
    """The measurement of the trust domain's initial contents."""

    __slots__ = ()
    SIZE = 48


class MrConfigId(FixedBytes):
    """What whoever started the trust domain said about its configuration."""

    __slots__ = ()
    SIZE = 48


class MrOwner(FixedBytes):
    """What whoever started the trust domain said about its owner."""

    __slots__ = ()
    SIZE = 48


class MrOwnerConfig(FixedBytes):
    """What whoever started the trust domain said about its owner's configuration."""

    __slots__ = ()
    SIZE = 48


class Rtmr(FixedBytes):
    """One of the four registers that the trust domain extends while it runs."""

    __slots__ = ()
    SIZE = 48


class MrServiceTd(FixedBytes):
    """The digest of the service trust domains that are bound to this one; zero where there are none."""

    __slots__ = ()
    SIZE = 48


class Vmid(FixedBytes):
    """The number of the virtual machine inside a partitioned trust domain."""

    __slots__ = ()
    SIZE = 1


class TdId(FixedBytes):
    """The identity of one trust domain over its life, across migrations."""

    __slots__ = ()
    SIZE = 32


class DeviceInfo(FixedBytes):
    """The digest over the devices that the trust domain has accepted."""

    __slots__ = ()
    SIZE = 48


class Fmspc(FixedBytes):
    """The family, model, stepping, platform and customer SKU of the platform the trust domain was made on, padded."""

    __slots__ = ()
    SIZE = 12


class CpuSvn(FixedBytes):
    """The security version of the processor the trust domain was made on."""

    __slots__ = ()
    SIZE = 16


class ServiceTdAttributes(FixedBytes):
    """The attributes under which a service trust domain is bound."""

    __slots__ = ()
    SIZE = 8
