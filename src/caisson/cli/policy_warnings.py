"""What a policy lets through without need, in plain words."""

from collections.abc import Iterator

from caisson.evidence import (
    INTEL_SGX_ROOT,
    VENDOR_ROOTS,
    AnyPolicy,
    Policy,
    SnpPolicy,
    TcbStatus,
    TdxPolicy,
    described,
)
from caisson.evidence.policy import ANY

_EMPTY_ACCEPTS_NOTHING = frozenset(
    {"roots", "tcb_statuses", "domains", "guests", "signing_keys", "vmpls", "minimum_tcb", "report_data"}
)
_BETTER_NAMED = frozenset({"service_domains", "csp_ids"})
_OUTDATED = frozenset({TcbStatus.OUT_OF_DATE, TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED})


def policy_warnings(policy: AnyPolicy) -> list[str]:
    """Give everything that a policy lets through and that hardly anybody wants, and what in it accepts nothing."""
    match policy:
        case Policy():
            return [*_enclave_warnings(policy), *_platform_warnings(policy)]
        case TdxPolicy():
            return [*_guest_warnings(policy), *_platform_warnings(policy), *_domain_warnings(policy)]
        case SnpPolicy():
            return [*_guest_warnings(policy), *_firmware_warnings(policy)]


def _guest_warnings(policy: TdxPolicy | SnpPolicy) -> list[str]:
    found = []
    for name, says, value in described(policy):
        if name in _EMPTY_ACCEPTS_NOTHING and not value:
            found.append(f"`{name}` is empty, so nothing is accepted")
        if name in _BETTER_NAMED and value == ANY:
            found.append(f"`{name}` is `any`, although it could name {says.partition(';')[0]}")
    if policy.roots - VENDOR_ROOTS:
        found.append("a root that is no vendor's is accepted: whoever holds its key can claim anything")
    if policy.allow_debug:
        found.append("debugging is accepted: the host can read the memory")
    return found


def _enclave_warnings(policy: Policy) -> list[str]:
    found = [
        f"`{name}` is empty, so {refused} is accepted"
        for name, refused, values in (
            ("roots", "nothing", policy.roots),
            ("tcb_statuses", "nothing", policy.tcb_statuses),
            ("enclaves", "nothing", policy.enclaves),
            ("key_servers", "no activation", policy.key_servers),
        )
        if not values
    ]
    if policy.roots - {INTEL_SGX_ROOT}:
        found.append("a root that is not Intel's is accepted; a software platform protects nothing")
    if policy.allow_debug:
        found.append("debug enclaves are accepted: whoever runs them can read their memory")
    return found


def _platform_warnings(policy: Policy | TdxPolicy) -> Iterator[str]:
    if outdated := sorted(policy.tcb_statuses & _OUTDATED):
        yield f"platforms that lack fixes are accepted: {', '.join(outdated)}"
    if not policy.minimum_tcb_evaluation_data_number:
        yield "collateral of any TCB evaluation is accepted: an old one calls old platforms good"


def _domain_warnings(policy: TdxPolicy) -> Iterator[str]:
    if any({rule.rtmr0, rule.rtmr1, rule.rtmr2, rule.rtmr3} == {None} for rule in policy.domains):
        yield "a domain is accepted by its MRTD alone: as no RTMR is named, any kernel may run in it"


def _firmware_warnings(policy: SnpPolicy) -> Iterator[str]:
    if not policy.require_revocation_list:
        yield "no revocation list has to be looked at: a chain that AMD has taken back would be accepted"
    if policy.allow_migration:
        yield "guests are accepted that an agent may move: it can read their memory"
    if policy.allow_provisional_firmware:
        yield "provisional firmware is accepted: the host can go back to an older one"
