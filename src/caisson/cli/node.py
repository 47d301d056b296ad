"""`caisson node`: make this machine a node that can run confidential containers of a Swarm, and undo it."""

import shutil
import sys
from pathlib import Path

import click

from caisson.cli.deployment import SizeType
from caisson.cli.files import PUBLIC, write_new
from caisson.cli.output import emit, json_option
from caisson.deploy import runtime_program, with_runtime, without_runtime
from caisson.errors import Unavailable, UsageError

_EXECUTABLE = 0o755
_PROGRAM = "caisson-sgx-runc"
_BACKUP = ".before-caisson"
_MIB = 1 << 20

_config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("/etc/docker/daemon.json"),
    show_default=True,
    help="Docker's configuration.",
)
_directory_option = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("/usr/local/libexec/caisson"),
    show_default=True,
    help="Where the runtime is installed.",
)


@click.group()
def command() -> None:
    """Prepare this machine as a node, or undo that."""


@command.group()
def setup() -> None:
    """Prepare this machine as a node."""


@setup.command()
@_config_option
@_directory_option
@click.option("--device", metavar="PATH", default="/dev/sgx_enclave", show_default=True, help="The device to give.")
@click.option("--epc", type=SizeType(), help="Page cache that tasks can reserve.  [default: what the kernel says]")
@click.option("--dry-run", is_flag=True, help="Only print Docker's new configuration.")
@json_option
def swarm(*, config: Path, directory: Path, device: str, epc: int | None, dry_run: bool, as_json: bool) -> None:
    """Let tasks of a Swarm that reserve `SGX_EPC` open `/dev/sgx_enclave`, and no other device.

    A runtime is installed that is runc but for that, and becomes Docker's default. Members of Docker's configuration
    that are not ours are kept; what it was before lies beside it. Restart Docker afterwards.

    \b
    Example:
      caisson node setup swarm --epc 128M --dry-run
    """
    runc = shutil.which("runc", path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if runc is None:
        raise Unavailable("there is no `runc` on this machine", hint="install Docker first")
    program = (directory / _PROGRAM).absolute()
    old = _read(config)
    new = with_runtime(old, program=str(program), epc_mib=(epc or _page_cache()) // _MIB)
    if dry_run:
        emit({"config": new.decode()}, human=new.decode().rstrip(), as_json=as_json)
        return
    text = runtime_program(interpreter=_interpreter(), runtime=runc, device=device)
    _make_directory(directory)
    write_new(program, text.encode(), mode=_EXECUTABLE, force=True)
    changed = new != old
    if changed:
        _make_directory(config.parent)
        backup = _backup(config)
        if old is not None and not backup.exists():
            write_new(backup, old, mode=PUBLIC, force=False)
        write_new(config, new, mode=PUBLIC, force=True)
    human = f"{config} is written: restart Docker" if changed else f"{config} is as it should be"
    emit({"config": str(config), "runtime": str(program), "changed": changed}, human=human, as_json=as_json)


@command.command()
@_config_option
@_directory_option
@json_option
def reset(*, config: Path, directory: Path, as_json: bool) -> None:
    """Undo `caisson node setup`: Docker's configuration is as it was, but for what others changed since.

    Restart Docker afterwards; containers that were made meanwhile cannot be started again, make them anew.

    \b
    Example:
      caisson node reset
    """
    old = _read(config)
    new = without_runtime(old)
    backup = _backup(config)
    before = _read(backup)
    if before is not None and without_runtime(with_runtime(before, program="", epc_mib=0)) == new:
        new = before  # nobody else changed it since: to the byte
    if new is None:
        config.unlink(missing_ok=True)
    elif new != old:
        write_new(config, new, mode=PUBLIC, force=True)
    backup.unlink(missing_ok=True)
    program = directory / _PROGRAM
    installed = program.exists()
    program.unlink(missing_ok=True)
    changed = new != old or installed
    human = "undone: restart Docker" if changed else "nothing was set up"
    emit({"config": str(config), "changed": changed}, human=human, as_json=as_json)


def _backup(config: Path) -> Path:
    return config.with_name(config.name + _BACKUP)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as cause:
        raise UsageError(f"cannot read `{path}`: {cause.strerror}") from cause


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise UsageError(f"cannot make the directory `{path}`: {cause.strerror}") from cause


def _interpreter() -> str:
    """The system's Python outlives virtual environments."""
    system = Path("/usr/bin/python3")
    return str(system if system.exists() else sys.executable)


def _page_cache() -> int:
    """Sum up what the kernel says of each NUMA node (Documentation/ABI/stable/sysfs-devices-node)."""
    found = sorted(Path("/sys/devices/system/node").glob("node*/x86/sgx_total_bytes"))
    total = sum(int(path.read_text()) for path in found)
    if not total:
        raise UsageError(
            "the kernel says of no enclave page cache", hint="on a machine with SGX, say how large it is with `--epc`"
        )
    return total
