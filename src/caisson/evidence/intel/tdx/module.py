"""TDX modules as Intel describes them: who signed them, and what their security versions are worth.

Source: Intel PCS API version 4, "Get TDX TCB Info", members `tdxModule` and `tdxModuleIdentities`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from caisson.errors import Malformed, TdxModuleMismatch
from caisson.evidence.intel.tcb_status import NOT_SUPPORTED, TcbVerdict
from caisson.evidence.signed_json import Fields
from caisson.tdx import MrSignerSeam, SeamAttributes, TeeTcbSvn

_MOST_SVN = 0xFF
_MOST_LEVELS, _MOST_IDENTITIES = 256, 256


class TdxModuleLevel(NamedTuple):
    """The lowest security version of a module to which a verdict applies."""

    isv_svn: int
    verdict: TcbVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class TdxModuleIdentity:
    """One module: its signer, its attributes under a mask, its levels from the highest to the lowest."""

    mr_signer: MrSignerSeam
    attributes: SeamAttributes
    attributes_mask: SeamAttributes
    levels: tuple[TdxModuleLevel, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "TdxModuleIdentity":
        """Read `tdxModule`, or an entry of `tdxModuleIdentities`; only the latter has levels.

        Raises:
            Malformed: a member is missing or wrong.
        """
        levels = [
            TdxModuleLevel(
                isv_svn=level.member("tcb").integer("isvsvn", most=_MOST_SVN), verdict=TcbVerdict.parse(level)
            )
            for level in fields.members("tcbLevels")
        ]
        if len(levels) > _MOST_LEVELS:
            raise Malformed(f"{fields.what} has {len(levels)} levels, more than {_MOST_LEVELS}")
        return cls(
            mr_signer=MrSignerSeam(fields.octets("mrsigner", size=MrSignerSeam.SIZE)),
            attributes=SeamAttributes(fields.octets("attributes", size=SeamAttributes.SIZE)),
            attributes_mask=SeamAttributes(fields.octets("attributesMask", size=SeamAttributes.SIZE)),
            levels=tuple(sorted(levels, key=lambda level: level.isv_svn, reverse=True)),
        )

    def require(self, mr_signer: MrSignerSeam, attributes: SeamAttributes) -> None:
        """Check that a module is this one.

        Attributes count under the mask, and those beyond it must not be set: nobody has said what they would mean.

        Raises:
            TdxModuleMismatch: it is another.
        """
        if mr_signer != self.mr_signer:
            raise TdxModuleMismatch(
                f"TDX module has MRSIGNERSEAM {mr_signer}, and its identity demands {self.mr_signer}"
            )
        found, expected, mask = (_bits(value) for value in (attributes, self.attributes, self.attributes_mask))
        if found & mask != expected & mask or found & ~mask:
            raise TdxModuleMismatch(
                f"TDX module has SEAMATTRIBUTES {attributes}, and its identity demands {self.attributes} "
                f"under the mask {self.attributes_mask}"
            )

    def verdict(self, svn: TeeTcbSvn) -> TcbVerdict:
        """Give the verdict of the highest level that the module reaches."""
        return next((level.verdict for level in self.levels if svn.module_svn >= level.isv_svn), NOT_SUPPORTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TdxModules:
    """The modules of one TCB info: `base` for TDX 1.0, whose version is 0, and the others by their version."""

    base: TdxModuleIdentity
    by_version: dict[int, TdxModuleIdentity]

    @classmethod
    def parse(cls, info: Fields) -> "TdxModules":
        """Read what a TCB info says of modules.

        Raises:
            Malformed: a member is missing or wrong, or a version is there twice.
        """
        identities = info.members("tdxModuleIdentities")
        if len(identities) > _MOST_IDENTITIES:
            raise Malformed(f"TCB info has {len(identities)} TDX modules, more than {_MOST_IDENTITIES}")
        by_version = {_version(each): TdxModuleIdentity.parse(each) for each in identities}
        if len(by_version) != len(identities):
            raise Malformed("TCB info has the same TDX module twice")
        return cls(base=TdxModuleIdentity.parse(info.member("tdxModule")), by_version=by_version)

    def of(self, svn: TeeTcbSvn) -> TdxModuleIdentity | None:
        """Give the module of a version, or `None` for one that the TCB info does not know."""
        return self.by_version.get(svn.module_version) if svn.module_version else self.base


def _version(identity: Fields) -> int:
    """Read `TDX_` and two hexadecimal digits."""
    name = identity.text("id").upper()
    if not name.startswith("TDX_"):
        raise Malformed(f"{identity.what} has the identity {name[:40]!r}, which is no TDX module's")
    octets = Fields({"id": name.removeprefix("TDX_")}, identity.what).octets("id", size=1)
    return octets[0]


def _bits(value: SeamAttributes) -> int:
    return int.from_bytes(value.value, "little")
