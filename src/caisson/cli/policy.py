"""`caisson policy`: write appraisal policies, check them, and say in words what they accept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from caisson.cli import policy_propose, policy_test
from caisson.cli.files import PUBLIC, force_option, write_new
from caisson.cli.hexadecimal import Hexadecimal
from caisson.cli.output import emit, json_option, say
from caisson.cli.policies import read_policy
from caisson.cli.policy_words import MEANING, policy_words
from caisson.cli.roots import root_keys
from caisson.errors import UsageError
from caisson.evidence import (
    INTEL_SGX_ROOT,
    VENDOR_ROOTS,
    AnyPolicy,
    EnclaveRule,
    Policy,
    SnpPolicy,
    TcbStatus,
    TdxPolicy,
    described,
)
from caisson.evidence.policy import ANY
from caisson.protocol import ServerKeyHash
from caisson.sgx import MrEnclave, MrSigner

_EPILOG = "\b\nExample:\n  caisson policy explain redis.policy.toml"
_CREATE_EPILOG = """\b
Example:
  caisson policy create --root intel-sgx --mrenclave "$MRENCLAVE" --key-server "$PIN" \\
    --minimum-evaluation-number 20 --output redis.policy.toml
"""
_MOST_U16 = 0xFFFF
_EMPTY_ACCEPTS_NOTHING = frozenset(
    {"roots", "tcb_statuses", "domains", "guests", "signing_keys", "vmpls", "minimum_tcb", "report_data"}
)
_BETTER_NAMED = frozenset({"service_domains", "csp_ids"})
_OUTDATED = frozenset({TcbStatus.OUT_OF_DATE, TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED})

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.group(epilog=_EPILOG)
def command() -> None:
    """Write, read and test policies: which evidence is accepted."""


command.add_command(policy_propose.command, "propose")
command.add_command(policy_test.command, "test")


@command.command(epilog="\b\nExample:\n  caisson policy check redis.policy.toml")
@_file
@json_option
def check(*, file: Path, as_json: bool) -> None:
    """Check that FILE is a policy, and warn about what it lets through."""
    policy = read_policy(file)
    warnings = _warnings(policy)
    for warning in warnings:
        say(f"warning: {warning}", style="bold")
    emit(
        {"file": str(file), "policy": policy.members, "warnings": warnings},
        human=f"{file} is a policy with {len(warnings) or 'no'} warning{'' if len(warnings) == 1 else 's'}",
        as_json=as_json,
    )


@command.command(epilog=_EPILOG)
@_file
@json_option
def explain(*, file: Path, as_json: bool) -> None:
    """Say in plain words what the policy in FILE accepts."""
    policy = read_policy(file)
    sections = policy_words(policy)
    warnings = _warnings(policy)
    width = max(map(len, sections)) + 2
    lines = ["evidence is accepted only if all of this holds:", ""]
    for name, items in sections.items():
        lines += [
            f"  {'' if number else name:<{width}}{'or ' if number else ''}{item}" for number, item in enumerate(items)
        ]
    lines += ["", *(f"warning: {warning}" for warning in warnings)] if warnings else []
    emit({"file": str(file), "explanation": sections, "warnings": warnings}, human="\n".join(lines), as_json=as_json)


@command.command(epilog=_CREATE_EPILOG)
@click.option("--root", "roots", multiple=True, required=True, metavar="ROOT", help="`intel-sgx`, or a PEM file.")
@click.option(
    "--mrenclave", "mr_enclaves", type=Hexadecimal(MrEnclave), multiple=True, help="Accept exactly this build."
)
@click.option("--mrsigner", type=Hexadecimal(MrSigner), help="Accept what this signer signed; needs the next two.")
@click.option("--isv-prod-id", type=click.IntRange(0, _MOST_U16), help="The signer's product.")
@click.option("--minimum-isv-svn", type=click.IntRange(0, _MOST_U16), help="Its lowest security version.")
@click.option(
    "--key-server",
    "key_servers",
    type=Hexadecimal(ServerKeyHash),
    multiple=True,
    help="Accept provisioning by this server.",
)
@click.option(
    "--tcb-status",
    "tcb_statuses",
    type=click.Choice([str(status) for status in MEANING]),
    multiple=True,
    default=[str(TcbStatus.UP_TO_DATE)],
    show_default=True,
    help="Accept platforms in this state.",
)
@click.option("--advisory", "advisories", multiple=True, metavar="ID", help="Accept platforms it applies to.")
@click.option(
    "--minimum-evaluation-number",
    type=click.IntRange(0),
    required=True,
    help="Refuse collateral from before this TCB evaluation: old collateral calls old platforms good.",
)
@click.option("--allow-debug", is_flag=True, help="Accept debug enclaves, which hide nothing.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Where it goes.  [default: standard output]"
)
@force_option
def create(
    *,
    roots: tuple[str, ...],
    mr_enclaves: tuple[MrEnclave, ...],
    mrsigner: MrSigner | None,
    isv_prod_id: int | None,
    minimum_isv_svn: int | None,
    output: Path | None,
    force: bool,
    **options: Any,
) -> None:
    """Write a policy. What is not named here is not accepted.

    Each option that may be given more than once adds one more thing to accept.
    """
    rules = [EnclaveRule(mr_enclave=each) for each in mr_enclaves]
    signed = (mrsigner, isv_prod_id, minimum_isv_svn)
    if any(part is not None for part in signed):
        if None in signed:
            raise UsageError("`--mrsigner`, `--isv-prod-id` and `--minimum-isv-svn` belong together")
        rules.append(EnclaveRule(mr_signer=mrsigner, isv_prod_id=isv_prod_id, minimum_isv_svn=minimum_isv_svn))
    if not rules:
        raise UsageError("no enclave is named", hint="give `--mrenclave`, or `--mrsigner` and its product")
    policy = Policy(
        roots=root_keys(roots),
        tcb_statuses=frozenset(TcbStatus(text) for text in options["tcb_statuses"]),
        advisories=frozenset(options["advisories"]),
        allow_debug=options["allow_debug"],
        minimum_tcb_evaluation_data_number=options["minimum_evaluation_number"],
        key_servers=frozenset(options["key_servers"]),
        enclaves=tuple(rules),
    )
    text = policy.encode()
    # Whatever the options held, what is written is a policy.
    Policy.parse(text.encode())
    if output is None:
        click.echo(text, nl=False)
    else:
        write_new(output, text.encode(), mode=PUBLIC, force=force)


def _warnings(policy: AnyPolicy) -> list[str]:
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
