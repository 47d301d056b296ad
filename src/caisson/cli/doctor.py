"""`caisson doctor`: what will not work on this machine, why, and what to do about it."""

import re
from pathlib import Path
from typing import Any

import click

from caisson import oci
from caisson.cli.doctor_report import as_data, explanation, print_report
from caisson.cli.files import PUBLIC, force_option, named, read_bytes, write_new
from caisson.cli.home import home_path_option
from caisson.cli.output import Exit, emit, json_option, say
from caisson.cli.registry import registry_options
from caisson.doctor import CHECKS, MOST_BYTES, Outcome, Purpose, examine, read_readings, write_readings
from caisson.doctor.sensors import Places, read
from caisson.errors import UsageError

_USUAL = (Purpose.RUN, Purpose.ATTEST, Purpose.BUILD)
_EXITS = {Outcome.WELL: Exit.YES, Outcome.FAILED: Exit.REJECTED, Outcome.UNDECIDED: Exit.NO_VERDICT}
_EPILOG = """\b
Example:
  caisson doctor --for run
  caisson doctor oci:out:redis --for run --json
  caisson doctor --explain D01
  caisson doctor --record readings.json
"""


@click.command(epilog=_EPILOG)
@click.argument("image", required=False)
@click.option(
    "--for",
    "purposes",
    envvar="CAISSON_DOCTOR_FOR",
    type=click.Choice([each.value for each in Purpose]),
    multiple=True,
    help="What this machine is to do; repeatable.  [default: run, attest and build]",
)
@click.option("--explain", metavar="CHECK", help="Explain a check, by its id or name, and look at nothing.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Write what was seen into a file, too.")
@click.option(
    "--readings",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Judge such a file, and look at nothing.",
)
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), help="The signing key.  [default: the home's]")
@click.option(
    "--device", "enclave", metavar="PATH", default="/dev/sgx_enclave", show_default=True, help="The enclave device."
)
@click.option(
    "--provision-device",
    "provision",
    metavar="PATH",
    default="/dev/sgx_provision",
    show_default=True,
    help="The one for aesmd.",
)
@click.option(
    "--aesmd",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("/var/run/aesmd"),
    show_default=True,
    help="Directory of aesmd's socket.",
)
@click.option(
    "--qcnl",
    "quote_provider",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("/etc/sgx_default_qcnl.conf"),
    show_default=True,
    help="The quote provider's configuration.",
)
@click.option("--container/--no-container", default=True, help="Look at the device from a throw-away container, too.")
@home_path_option
@registry_options
@force_option
@json_option
def command(
    *,
    image: str | None,
    purposes: tuple[str, ...],
    explain: str | None,
    record: Path | None,
    readings: Path | None,
    access: oci.Access,
    force: bool,
    as_json: bool,
    **where: Any,
) -> Exit | None:
    """Look at this machine, and say what will not work, why, and what to do about it.

    Each check has an id. One that makes no sense because another failed says so, and no more; unknown is no failure.
    With IMAGE, what that image asks for is held against this machine.

    Exit code 0 if all is well for the purpose, 1 if something failed, 3 if something that decides could not be seen.
    """
    if explain is not None:
        _explain(explain, as_json=as_json)
        return None
    wanted = frozenset(map(Purpose, purposes)) or frozenset(_USUAL)
    if readings is not None:
        if image is not None or record is not None:
            raise UsageError("readings from a file are judged as they are", hint="leave out IMAGE and `--record`")
        with named(readings):
            found = read_readings(read_bytes(readings, most=MOST_BYTES))
    else:
        found = read(Places(image=image, access=access, **where), wanted)
    if record is not None:
        write_new(record, write_readings(found), mode=PUBLIC, force=force)
        say(f"what was seen is in {record}: look through it before you send it to anybody")
    report = examine(found, wanted, checks=CHECKS)
    if as_json:
        emit(as_data(report), human="", as_json=True)
    else:
        print_report(report)
    return _EXITS[report.outcome]


def _explain(text: str, *, as_json: bool) -> None:
    wanted = text.upper() if re.fullmatch("[dD][0-9]+", text) else text
    check = next((each for each in CHECKS if wanted in (each.id, each.name)), None)
    if check is None:
        raise UsageError(f"there is no check `{text}`", hint="`caisson doctor --json` lists ids and names")
    data = {
        "id": check.id,
        "name": check.name,
        "title": check.title,
        "looks_at": check.looks_at,
        "why": check.why,
        "for": sorted(check.purposes),
        "after": list(check.after),
    }
    emit(data, human=explanation(check), as_json=as_json)
