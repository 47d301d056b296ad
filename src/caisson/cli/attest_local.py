"""`caisson attest-local`: two enclaves on one machine prove to each other what they are."""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from caisson.cli.files import PUBLIC, force_option, named, read_bytes, write_new
from caisson.cli.hexadecimal import Hexadecimal
from caisson.cli.home import Home, home_option
from caisson.cli.output import emit, json_option, say
from caisson.errors import BindingRejected, PolicyRejected
from caisson.platform import GuestEnclave
from caisson.sgx import MrEnclave, MrSigner, Report, ReportBody, ReportData, SigStruct, TargetInfo

_Launch = Callable[[], AbstractContextManager[GuestEnclave]]

_output_option = click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where it goes."
)


@click.group(
    epilog="\b\nExample:\n  caisson attest-local target --pal a.elf --manifest a.manifest --sigstruct a.sig -o a.target"
)
def command() -> None:
    """Prove to another enclave on the same software platform what an enclave is, and check such proofs.

    Nothing of this leaves the machine: a REPORT is good for one enclave on one processor only, while both are on.
    """


def _enclave_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of an enclave to launch, as `launch`."""

    @home_option
    @click.option("--socket", type=click.Path(path_type=Path), help="The platform's.  [default: in the home directory]")
    @click.option("--pal", type=click.Path(path_type=Path), required=True, help="ELF file of the enclave's PAL.")
    @click.option("--manifest", type=click.Path(path_type=Path), required=True, help="Its measured manifest.")
    @click.option("--sigstruct", type=click.Path(path_type=Path), required=True, help="Its signature.")
    @functools.wraps(command)
    def launching(
        *, home: Home, socket: Path | None, pal: Path, manifest: Path, sigstruct: Path, **options: Any
    ) -> None:
        def launch() -> AbstractContextManager[GuestEnclave]:
            with named(sigstruct):
                signed = SigStruct.parse(read_bytes(sigstruct))
            return GuestEnclave.launch(
                socket or home.platform_socket, pal=read_bytes(pal), manifest=read_bytes(manifest), sigstruct=signed
            )

        say("warning: this is a software platform: it protects nothing", style="bold yellow")
        command(launch=launch, **options)

    return launching


@command.command(
    epilog="\b\nExample:\n  caisson attest-local target --pal a.elf --manifest a.manifest --sigstruct a.sig -o a.target"
)
@_enclave_options
@_output_option
@force_option
@json_option
def target(*, launch: _Launch, output: Path, force: bool, as_json: bool) -> None:
    """Launch an enclave and write its TARGETINFO (512 bytes): how others address their proofs to it."""
    with launch() as enclave:
        write_new(output, enclave.target_info.encode(), mode=PUBLIC, force=force)
        emit(
            {"target_info": str(output), **_identity(enclave.identity)},
            human=_words(enclave.identity),
            as_json=as_json,
        )


@command.command(
    epilog="\b\nExample:\n  caisson attest-local report --pal b.elf --manifest b.manifest --sigstruct b.sig \\\n"
    "    --target a.target --data 00ff -o b.report"
)
@_enclave_options
@click.option(
    "--target", "target_file", type=click.Path(path_type=Path), required=True, help="TARGETINFO of who shall check it."
)
@click.option(
    "--data", metavar="HEX", default="", help="What to say: up to 64 bytes, such as a hash of a nonce and a key."
)
@_output_option
@force_option
@json_option
def report(*, launch: _Launch, target_file: Path, data: str, output: Path, force: bool, as_json: bool) -> None:
    """Launch an enclave and write its REPORT (432 bytes) for another one."""
    with named(target_file, hint="make it with `caisson attest-local target`"):
        wanted = TargetInfo.parse(read_bytes(target_file))
    said = _data(data)
    with launch() as enclave:
        write_new(output, enclave.report(wanted, said).encode(), mode=PUBLIC, force=force)
        emit(
            {"report": str(output), "for": str(wanted.mr_enclave), **_identity(enclave.identity)},
            human=_words(enclave.identity),
            as_json=as_json,
        )


@command.command(
    epilog="\b\nExample:\n  caisson attest-local check b.report --pal a.elf --manifest a.manifest \\\n"
    '    --sigstruct a.sig --mrenclave "$B" --data 00ff'
)
@click.argument("report_file", metavar="REPORT", type=click.Path(path_type=Path))
@_enclave_options
@click.option("--mrenclave", type=Hexadecimal(MrEnclave), help="Accept exactly this enclave.")
@click.option("--mrsigner", type=Hexadecimal(MrSigner), help="Accept what this signer signed.")
@click.option("--data", metavar="HEX", help="What the other one has to say.")
@json_option
def check(
    *,
    report_file: Path,
    launch: _Launch,
    mrenclave: MrEnclave | None,
    mrsigner: MrSigner | None,
    data: str | None,
    as_json: bool,
) -> None:
    """Launch the enclave that REPORT was made for, let it check the REPORT, and say who made it.

    Without --mrenclave or --mrsigner any enclave of this machine will do: then it is up to you whether to trust it.
    """
    with named(report_file, hint="make it with `caisson attest-local report`"):
        presented = Report.parse(read_bytes(report_file))
    with launch() as enclave:
        body = enclave.check(presented)
    wanted = {
        "MRENCLAVE": (body.mr_enclave, mrenclave),
        "MRSIGNER": (body.mr_signer, mrsigner),
    }
    reasons = tuple(
        f"{name} is {found}, not {expected}"
        for name, (found, expected) in wanted.items()
        if expected not in (None, found)
    )
    if reasons:
        raise PolicyRejected(reasons)
    if data is not None and body.report_data != _data(data):
        raise BindingRejected(f"the REPORT is genuine, and says {body.report_data}")
    emit(
        {**_identity(body), "report_data": str(body.report_data)},
        human=f"{_words(body)}\nsays       {body.report_data}",
        as_json=as_json,
    )


def _data(text: str) -> ReportData:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raise click.BadParameter("is not hexadecimal", param_hint="--data") from None
    if len(raw) > ReportData.SIZE:
        raise click.BadParameter(f"has {len(raw)} bytes, more than {ReportData.SIZE}", param_hint="--data")
    return ReportData(raw.ljust(ReportData.SIZE, b"\0"))


def _identity(body: ReportBody) -> dict[str, object]:
    return {
        "mrenclave": str(body.mr_enclave),
        "mrsigner": str(body.mr_signer),
        "isv_prod_id": body.isv_prod_id,
        "isv_svn": body.isv_svn,
        "debug": body.attributes.debug,
    }


def _words(body: ReportBody) -> str:
    lines = [
        f"MRENCLAVE  {body.mr_enclave}",
        f"MRSIGNER   {body.mr_signer}, product {body.isv_prod_id}, version {body.isv_svn}",
    ]
    if body.attributes.debug:
        lines.append("warning    a debug enclave: whoever runs it can read its memory")
    return "\n".join(lines)
