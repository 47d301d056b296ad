"""`caisson workload`: what the key server releases to whom."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from caisson.cli.connection import moment, operator_options, read_text
from caisson.cli.files import named
from caisson.cli.output import emit, json_option
from caisson.cli.table import table
from caisson.errors import UsageError
from caisson.evidence import Policy
from caisson.keyserver import MOST_LIFETIME_HOURS, KeyServerClient, RecordInfo, Workload


@click.group(
    epilog="""\b
Example:
  caisson workload set redis.toml --server https://127.0.0.1:8700 --token-file operator.token --ca ca.pem"""
)
def command() -> None:
    """Say which evidence gets which secrets."""


@command.command(
    "set",
    epilog="""\b
Example:
  caisson secret generate redis-password --kind password
  caisson workload set redis.toml --policy policy.toml""",
)
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), help="File with the policy, if FILE holds none.")
@json_option
@operator_options
def set_workload(file: Path, *, policy: Path | None, as_json: bool, client: KeyServerClient) -> None:
    """Store the workload of FILE (TOML, `-` is standard input) as its next version."""
    given = None if policy is None else read_text(policy)
    with named(file, hint="docs/reference/keyserver-api.md says what a workload holds"):
        workload = Workload.parse_toml(read_text(file), policy=given)
    info = client.set_workload(workload)
    human = f"workload `{info.name}` is set, version {info.version}"
    emit({"workload": asdict(info)}, human=human, as_json=as_json)


@command.command(
    "policy",
    epilog="""\b
Example:
  caisson workload policy redis upgrade/redis.both.toml""",
)
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@operator_options
def set_policy(name: str, *, file: Path, as_json: bool, client: KeyServerClient) -> None:
    """Give workload NAME the policy in FILE, as its next version; all else of it stays."""
    text = read_text(file)
    with named(file):
        Policy.parse(text.encode())
    _, workload = client.workload(name)
    info = client.set_workload(workload.model_copy(update={"policy": text}))
    human = f"workload `{info.name}` has the policy of {file}, version {info.version}"
    emit({"workload": asdict(info)}, human=human, as_json=as_json)


@command.command(
    "lifetime",
    epilog="""\b
Example:
  caisson workload lifetime redis 168""",
)
@click.argument("name")
@click.argument("hours", type=click.IntRange(1, MOST_LIFETIME_HOURS))
@json_option
@operator_options
def set_lifetime(name: str, *, hours: int, as_json: bool, client: KeyServerClient) -> None:
    """Let certificates of workload NAME live for HOURS; all else of it stays.

    That counts for certificates from now on, so from its next start. For as long as they live, clients that know the
    key server's CA and look at no evidence believe what was found out when the program started.
    """
    _, workload = client.workload(name)
    document = workload.model_dump(mode="json")
    document["certificate"]["lifetime_hours"] = hours
    info = client.set_workload(Workload.parse(document))
    human = f"certificates of workload `{info.name}` live for {hours} hours, version {info.version}"
    emit({"workload": asdict(info)}, human=human, as_json=as_json)


@command.command(
    "list",
    epilog="""\b
Example:
  caisson workload list --json""",
)
@json_option
@operator_options
def list_workloads(*, as_json: bool, client: KeyServerClient) -> None:
    """List all workloads."""
    found = client.workloads()
    rows = [("NAME", "VERSION", "SET"), *((info.name, str(info.version), moment(info.created)) for info in found)]
    emit(
        {"workloads": [asdict(info) for info in found]},
        human=table(rows, empty="no workloads"),
        as_json=as_json,
    )


@command.command(
    epilog="""\b
Example:
  caisson workload show redis"""
)
@click.argument("name")
@json_option
@operator_options
def show(name: str, *, as_json: bool, client: KeyServerClient) -> None:
    """Show workload NAME in its newest version."""
    info, workload = client.workload(name)
    data: dict[str, Any] = {"workload": asdict(info), "document": workload.model_dump(mode="json")}
    emit(data, human=_human(info, workload), as_json=as_json)


@command.command(
    epilog="""\b
Example:
  caisson workload remove redis --yes"""
)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Really do it.")
@json_option
@operator_options
def remove(name: str, *, yes: bool, as_json: bool, client: KeyServerClient) -> None:
    """End workload NAME: no guest is activated as it any more."""
    if not yes:
        raise UsageError(f"this ends workload `{name}`", hint="say so with `--yes`")
    client.remove_workload(name)
    emit({"removed": name}, human=f"workload `{name}` is removed", as_json=as_json)


def _human(info: RecordInfo, workload: Workload) -> str:
    certificate = workload.certificate
    names = ", ".join((*certificate.dns, *map(str, certificate.ip))) or "its SPIFFE ID only"
    return "\n".join(
        [
            f"workload      {info.name}, version {info.version}, set {moment(info.created)}",
            f"secrets       {', '.join(sorted(workload.secrets)) or 'none'}",
            f"fs keys       {', '.join(sorted(workload.fs_keys)) or 'none'}",
            f"files         {', '.join(file.path for file in workload.file) or 'none'}",
            f"variables     {', '.join(sorted(workload.env)) or 'none'}",
            f"arguments     {' '.join(workload.argv) or 'none'}",
            f"certificate   {names}; for {certificate.lifetime_hours} hours",
            "policy",
            *(f"  {line}" for line in workload.policy.strip().splitlines()),
        ]
    )
