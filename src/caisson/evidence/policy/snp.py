"""The appraisal policy for SEV-SNP: what is acceptable, said in full (docs/reference/policy.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caisson.abi import ReportData
from caisson.errors import Malformed
from caisson.evidence.policy.document import PolicyDocument
from caisson.evidence.policy.files import VERSION_2, VERSION_3, VERSION_4
from caisson.evidence.policy.intel import REPORT_DATA, collateral_age, root_kind
from caisson.evidence.policy.kinds import (
    HINT,
    Member,
    any_or,
    boolean,
    flags,
    list_of,
    member,
    number,
    octets,
    set_of,
    table,
    table_by,
    text,
)
from caisson.evidence.roots import AMD_GENOA_ROOT, AMD_MILAN_ROOT, AMD_TURIN_ROOT, RootKey
from caisson.snp import (
    ChipId,
    FamilyId,
    HostData,
    ImageId,
    KeyDigest,
    Measurement,
    PlatformFlags,
    PolicyFlags,
    Product,
    SigningKey,
    TcbComponents,
)

TEE = "sev-snp"
_ROOT_NAMES = {"amd-milan": AMD_MILAN_ROOT, "amd-genoa": AMD_GENOA_ROOT, "amd-turin": AMD_TURIN_ROOT}
_MOST_LEVEL = 0xFF
_MOST_U32 = 0xFFFF_FFFF
_MOST_VMPL = 3
_MOST_MITIGATION = 63
_CSP_ID = re.compile(r"[\x20-\x7e]{1,128}")
# Debugging, migration and threads have members of their own; bit 17 is always set.
_ELSEWHERE = PolicyFlags.DEBUG | PolicyFlags.MIGRATE_MA | PolicyFlags.SMT | PolicyFlags.RESERVED_ONE
RULE = (
    member("measurement", octets(Measurement), "exactly one launch digest", optional=True),
    member("host_data", octets(HostData), "what the host said at launch", optional=True),
    member("id_key_digest", octets(KeyDigest), "who signed the guest's identity", optional=True),
    member("author_key_digest", octets(KeyDigest), "who certified that signer", optional=True),
    member("family_id", octets(FamilyId), "the signer's family of guests", optional=True),
    member("image_id", octets(ImageId), "the signer's image", optional=True),
    member("minimum_guest_svn", number(_MOST_U32), "the image's lowest security version", optional=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestRule:
    """One guest that is acceptable: exactly one measurement, one signer's image from an SVN on, or both at once.

    The signer is the one of the identity, or whoever certified that one, whichever key it has. A digest of zeros stands
    for nobody, and so for everybody.

    Raises:
        Malformed: it names neither a measurement nor all of a signer, a family, an image and an SVN.
    """

    measurement: Measurement | None = None
    host_data: HostData | None = None
    id_key_digest: KeyDigest | None = None
    author_key_digest: KeyDigest | None = None
    family_id: FamilyId | None = None
    image_id: ImageId | None = None
    minimum_guest_svn: int | None = None

    def __post_init__(self) -> None:
        signed = any(
            digest is not None and any(digest.value) for digest in (self.id_key_digest, self.author_key_digest)
        )
        image = (self.family_id, self.image_id, self.minimum_guest_svn)
        if self.measurement is None and (not signed or None in image):
            raise Malformed(
                "policy: an entry of `guests` names neither `measurement` nor who signed it (`id_key_digest` or "
                "`author_key_digest`, which are not zero) with all of `family_id`, `image_id`, `minimum_guest_svn`",
                hint=HINT,
            )


def _signing_key(word: str) -> SigningKey:
    known = {key.name: key for key in (SigningKey.VCEK, SigningKey.VLEK)}
    if word not in known:
        raise Malformed(f"policy: `{word[:40]}` is neither VCEK nor VLEK", hint=HINT)
    return known[word]


def _csp_id(word: str) -> str:
    if not _CSP_ID.fullmatch(word):
        raise Malformed("policy: `csp_ids` has an entry that is not 1 to 128 printable characters", hint=HINT)
    return word


_LEVELS = ("bootloader", "tee", "snp", "microcode")
_FLOOR = (
    *(member(name, number(_MOST_LEVEL), f"the lowest patch level of {name}") for name in _LEVELS),
    member("fmc", number(_MOST_LEVEL), "the lowest patch level of fmc, on Turin", optional=True),
)
MEMBERS_2 = (
    member("roots", set_of(root_kind(_ROOT_NAMES)), "whose word ends the argument"),
    member("signing_keys", set_of(text(_signing_key, write=lambda key: key.name, enum=["VCEK", "VLEK"])), "which keys"),
    member("csp_ids", any_or(set_of(text(_csp_id))), "the cloud providers whose VLEKs are accepted; or `any`"),
    member("require_revocation_list", boolean(), "whether AMD's revocation list must have been looked at"),
    member("allow_debug", boolean(), "whether guests are accepted whose memory the host may decrypt"),
    member("allow_migration", boolean(), "whether guests are accepted that a migration agent may move"),
    member("allow_smt", boolean(), "whether guests are accepted that may share cores with others' threads"),
    member("allow_provisional_firmware", boolean(), "whether firmware is accepted that can still be rolled back"),
    member("required_policy", flags(PolicyFlags, without=_ELSEWHERE), "the bits a guest's policy must have besides"),
    member("required_platform", flags(PlatformFlags), "the bits that the platform's information must have"),
    member("vmpls", set_of(number(_MOST_VMPL)), "the privilege levels whose reports are accepted"),
    member("chips", any_or(set_of(octets(ChipId))), "the chips that are accepted; or `any`"),
    member(
        "minimum_tcb",
        table_by(
            (product.value.lower() for product in Product),
            table(_FLOOR, TcbComponents, what="policy: an entry of `minimum_tcb`"),
        ),
        "for each product that is accepted, the lowest TCB version",
    ),
    REPORT_DATA,
    member("guests", list_of(table(RULE, GuestRule, what="policy: an entry of `guests`")), "the guests accepted"),
)
MEMBERS_3 = (
    *MEMBERS_2,
    member("allow_cxl", boolean(), "whether guests are accepted that may have memory or devices on CXL"),
    member("forbidden_platform", flags(PlatformFlags), "the bits that the platform's information must not have"),
    member(
        "required_mitigations",
        set_of(number(_MOST_MITIGATION)),
        "the mitigations, by their bits, in force at the guest's launch and now",
    ),
)
MEMBERS_4 = (*MEMBERS_3, collateral_age("how old AMD's revocation list may be"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SnpPolicy(PolicyDocument):
    """What an SEV-SNP guest's report must be to be accepted.

    `minimum_tcb` goes by the product's name in lower case; a product that it does not have is not accepted. Members
    that may be `None` are not looked at then: in the file one has to write `any`. Version 2 cannot ask for the last
    four, and version 3 not for the last one; they have them as they are here by default.

    Raises:
        Malformed: a lowest TCB version has `fmc` for another product than Turin, or lacks it for Turin; or a list has
            to be of some age that does not have to be there.
    """

    tee = TEE
    versions: ClassVar[Mapping[int, tuple[Member, ...]]] = {
        VERSION_2: MEMBERS_2,
        VERSION_3: MEMBERS_3,
        VERSION_4: MEMBERS_4,
    }

    roots: frozenset[RootKey]
    signing_keys: frozenset[SigningKey]
    csp_ids: frozenset[str] | None
    require_revocation_list: bool
    allow_debug: bool
    allow_migration: bool
    allow_smt: bool
    allow_provisional_firmware: bool
    required_policy: int
    required_platform: int
    vmpls: frozenset[int]
    chips: frozenset[ChipId] | None
    minimum_tcb: Mapping[str, TcbComponents]
    report_data: frozenset[ReportData] | None
    guests: tuple[GuestRule, ...]
    allow_cxl: bool = True
    forbidden_platform: int = 0
    required_mitigations: frozenset[int] = frozenset()
    maximum_collateral_age_days: int | None = None

    @property
    def version(self) -> int:
        """The oldest version that can say it."""
        if self.maximum_collateral_age_days is not None:
            return VERSION_4
        asked = not self.allow_cxl or self.forbidden_platform or self.required_mitigations
        return VERSION_3 if asked else VERSION_2

    def __post_init__(self) -> None:
        if self.maximum_collateral_age_days is not None and not self.require_revocation_list:
            raise Malformed(
                "policy: `maximum_collateral_age_days` is about a list that `require_revocation_list` does not ask for",
                hint=HINT,
            )
        for name, floor in self.minimum_tcb.items():
            if (floor.fmc is None) != (name != Product.TURIN.value.lower()):
                raise Malformed(
                    f"policy: `minimum_tcb` names `fmc` for Turin, and for no other; see `{name}`", hint=HINT
                )
