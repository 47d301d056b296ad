"""QE identity: which enclave may vouch for attestation keys.

Source: Intel PCS API version 4, "Get SGX QE Identity", appendix "Enclave Identity" (version 2).
"""

from dataclasses import dataclass
from typing import NamedTuple

from caisson.errors import Malformed, QeIdentityRejected, QeMismatch
from caisson.evidence.intel.tcb import MOST_EVALUATION_NUMBER
from caisson.evidence.intel.tcb_status import NOT_SUPPORTED, TcbVerdict
from caisson.evidence.signed_json import Fields
from caisson.evidence.validity import Validity
from caisson.sgx import Attributes, MrSigner, ReportBody

_VERSION = 2
_MOST_SVN = 0xFFFF
_MISC_SELECT_SIZE = 4
_MOST_LEVELS = 256


class QeTcbLevel(NamedTuple):
    """The lowest ISVSVN to which a verdict applies."""

    isv_svn: int
    verdict: TcbVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class QeIdentity:
    """The quoting enclave as Intel describes it; masks say which bits count."""

    misc_select: int
    misc_select_mask: int
    attributes: Attributes
    attributes_mask: Attributes
    mr_signer: MrSigner
    isv_prod_id: int
    evaluation_data_number: int
    validity: Validity
    levels: tuple[QeTcbLevel, ...]

    @classmethod
    def parse(cls, signed: bytes, *, of: str) -> "QeIdentity":
        """Read the exact bytes whose signature was checked; `of` is the enclave wanted, `QE` for SGX, `TD_QE` for TDX.

        Raises:
            Malformed: not an enclave identity.
            QeIdentityRejected: of another version or another enclave.
        """
        identity = Fields.parse(signed, what="QE identity")
        version, found = identity.integer("version", most=_MOST_SVN), identity.text("id")
        if (version, found) != (_VERSION, of):
            raise QeIdentityRejected(
                f"QE identity is version {version} of {found[:40]!r}, not version {_VERSION} of `{of}`"
            )
        levels = [
            QeTcbLevel(isv_svn=level.member("tcb").integer("isvsvn", most=_MOST_SVN), verdict=TcbVerdict.parse(level))
            for level in identity.members("tcbLevels")
        ]
        if not 0 < len(levels) <= _MOST_LEVELS:
            raise Malformed(f"QE identity has {len(levels)} levels, not 1 to {_MOST_LEVELS}")
        return cls(
            misc_select=_little_endian(identity, "miscselect"),
            misc_select_mask=_little_endian(identity, "miscselectMask"),
            attributes=Attributes.parse(identity.octets("attributes", size=Attributes.SIZE)),
            attributes_mask=Attributes.parse(identity.octets("attributesMask", size=Attributes.SIZE)),
            mr_signer=MrSigner(identity.octets("mrsigner", size=MrSigner.SIZE)),
            isv_prod_id=identity.integer("isvprodid", most=_MOST_SVN),
            evaluation_data_number=identity.integer("tcbEvaluationDataNumber", most=MOST_EVALUATION_NUMBER),
            validity=Validity(
                what="QE identity", begins=identity.moment("issueDate"), ends=identity.moment("nextUpdate")
            ),
            levels=tuple(sorted(levels, key=lambda level: level.isv_svn, reverse=True)),
        )

    def verdict(self, qe: ReportBody) -> TcbVerdict:
        """Check that `qe` is this enclave, and give the verdict on its security version.

        Raises:
            QeMismatch: it is another enclave.
        """
        attributes, mask = self.attributes, self.attributes_mask
        for what, expected, found in (
            ("MRSIGNER", self.mr_signer, qe.mr_signer),
            ("ISVPRODID", self.isv_prod_id, qe.isv_prod_id),
            ("MISCSELECT", self.misc_select & self.misc_select_mask, qe.misc_select & self.misc_select_mask),
            ("ATTRIBUTES.FLAGS", attributes.flags & mask.flags, qe.attributes.flags & mask.flags),
            ("ATTRIBUTES.XFRM", attributes.xfrm & mask.xfrm, qe.attributes.xfrm & mask.xfrm),
        ):
            if expected != found:
                raise QeMismatch(
                    f"quoting enclave has {what} {_shown(found)}, and its identity demands {_shown(expected)}"
                )
        return next((level.verdict for level in self.levels if qe.isv_svn >= level.isv_svn), NOT_SUPPORTED)


def _little_endian(identity: Fields, name: str) -> int:
    return int.from_bytes(identity.octets(name, size=_MISC_SELECT_SIZE), "little")


def _shown(value: MrSigner | int) -> str:
    return f"{value:#x}" if isinstance(value, int) else str(value)
