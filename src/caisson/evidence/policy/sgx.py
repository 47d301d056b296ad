"""The appraisal policy for SGX: what is acceptable, said in full (docs/reference/policy.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caisson.errors import Malformed
from caisson.evidence.policy.files import VERSION_1, VERSION_2
from caisson.evidence.policy.intel import PLATFORM_1, PLATFORM_2, IntelPolicy
from caisson.evidence.policy.kinds import (
    HINT,
    Member,
    list_of,
    member,
    number,
    octets,
    set_of,
    table,
)
from caisson.protocol import ServerKeyHash
from caisson.sgx import MrEnclave, MrSigner

TEE = "sgx"
_MOST_U16 = 0xFFFF
_RULE = (
    member("mrenclave", octets(MrEnclave), "exactly one build", attribute="mr_enclave", optional=True),
    member("mrsigner", octets(MrSigner), "what one signer signed", attribute="mr_signer", optional=True),
    member("isv_prod_id", number(_MOST_U16), "the signer's product", optional=True),
    member("minimum_isv_svn", number(_MOST_U16), "the product's lowest security version", optional=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclaveRule:
    """One enclave that is acceptable: exactly one measurement, one signer's product from an SVN on, or both at once.

    Raises:
        Malformed: it names neither a measurement nor all of a signer, a product and an SVN.
    """

    mr_enclave: MrEnclave | None = None
    mr_signer: MrSigner | None = None
    isv_prod_id: int | None = None
    minimum_isv_svn: int | None = None

    def __post_init__(self) -> None:
        product = (self.isv_prod_id is None, self.minimum_isv_svn is None)
        if self.mr_enclave is None and (self.mr_signer is None or any(product)):
            raise Malformed(
                "policy: an entry of `enclaves` names neither `mrenclave` nor all of `mrsigner`, `isv_prod_id`, "
                "`minimum_isv_svn`",
                hint=HINT,
            )


_KEY_SERVERS = member("key_servers", set_of(octets(ServerKeyHash)), "the key servers whose provisioning is accepted")
_ENCLAVES = member(
    "enclaves",
    list_of(table(_RULE, EnclaveRule, what="policy: an entry of `enclaves`")),
    "the enclaves that are accepted",
)
MEMBERS_1 = (*PLATFORM_1, _KEY_SERVERS, _ENCLAVES)
MEMBERS_2 = (*PLATFORM_2, _KEY_SERVERS, _ENCLAVES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(IntelPolicy):
    """What an enclave's evidence must be to be accepted.

    `key_servers` are the identity keys whose provisioning is accepted; it counts for activations and for
    certificates with activation evidence.
    """

    tee = TEE
    versions: ClassVar[Mapping[int, tuple[Member, ...]]] = {VERSION_1: MEMBERS_1, VERSION_2: MEMBERS_2}

    key_servers: frozenset[ServerKeyHash]
    enclaves: tuple[EnclaveRule, ...]

    @property
    def version(self) -> int:
        """The oldest version that can say it."""
        asked = (self.maximum_collateral_age_days, self.platforms, self.report_data)
        return VERSION_1 if asked == (None, None, None) else VERSION_2
