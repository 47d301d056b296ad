"""`caisson policy`: write appraisal policies, check them, and say in words what they accept."""

from pathlib import Path
from typing import Any

import click

from caisson.cli import policy_propose, policy_test
from caisson.cli.files import force_option
from caisson.cli.hexadecimal import Hexadecimal
from caisson.cli.output import emit, json_option, say
from caisson.cli.policies import output_option, read_policy, write_policy
from caisson.cli.policy_warnings import policy_warnings
from caisson.cli.policy_words import MEANING, policy_words
from caisson.cli.roots import root_keys
from caisson.errors import UsageError
from caisson.evidence import EnclaveRule, Policy, TcbStatus
from caisson.protocol import ServerKeyHash
from caisson.sgx import MrEnclave, MrSigner

_EPILOG = "\b\nExample:\n  caisson policy explain redis.policy.toml"
_CREATE_EPILOG = """\b
Example:
  caisson policy create --root intel-sgx --mrenclave "$MRENCLAVE" --key-server "$PIN" \\
    --minimum-evaluation-number 20 --output redis.policy.toml
"""
_MOST_U16 = 0xFFFF

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
    warnings = policy_warnings(policy)
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
    warnings = policy_warnings(policy)
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
@output_option
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
    write_policy(text, output, force=force)
