"""The `caisson` program: finds the command, runs it, and turns errors into words and an exit code."""

import ast
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from caisson import __version__
from caisson.cli.help_text import HelpText
from caisson.cli.output import PLACE, Exit, complain, print_error
from caisson.errors import CaissonError, Unavailable

# One line for each file beside this one; the file defines `command`.
COMMANDS: tuple[str, ...] = (
    "attest",
    "attest-local",
    "audit",
    "build",
    "catalog",
    "copy",
    "collateral",
    "deploy",
    "doctor",
    "down",
    "enclave",
    "events",
    "evidence",
    "exec",
    "files",
    "image",
    "inspect",
    "key",
    "keyserver",
    "logs",
    "manifest",
    "node",
    "platform",
    "policy",
    "provenance",
    "ps",
    "rm",
    "run",
    "runtime",
    "secret",
    "serve-verifier",
    "sign",
    "stop",
    "trace",
    "up",
    "upgrade",
    "verify",
    "webhook",
    "workload",
)

_LONGEST = 200  # no sentence is cut

# Commands whose file has another name than they have.
FILES = {"files": "encrypted_files"}


# For the commands of all files: a command makes its help with its own context.
click.Context.formatter_class = HelpText


class _Commands(click.Group):
    """Imports a command's file only when that command is used, so that `caisson --help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"caisson.cli.{_file(cmd_name)}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with its first sentence, whole."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(ctx)])


def _file(name: str) -> str:
    return FILES.get(name, name.replace("-", "_"))


def _summary(name: str) -> str:
    """Give the first sentence of what a command says about itself, as it is written: importing all takes a second."""
    written = ast.parse(Path(__file__).with_name(f"{_file(name)}.py").read_text())
    command = next(each for each in written.body if isinstance(each, ast.FunctionDef) and each.name == "command")
    return click.Command(name, help=ast.get_docstring(command)).get_short_help_str(limit=_LONGEST)


@click.group(cls=_Commands, context_settings={"auto_envvar_prefix": "CAISSON", "help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def app() -> None:
    """Turn container images into confidential containers, run them, and check what runs.

    Every option can also be set by a variable: CAISSON_COMMAND_OPTION.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code."""
    try:
        # A command that ends with an exit code of its own has it returned, by click; others return nothing.
        code = app.main(args=list(arguments), prog_name="caisson", standalone_mode=False)
    except CaissonError as error:
        return complain(error)
    except click.ClickException as error:
        _print_usage_error(error)
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        print_error("interrupted")
        code = Exit.NO_VERDICT
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except SystemExit:  # how click ends when nobody reads the output any more
        code = Exit.NO_VERDICT
    except OSError as error:
        return complain(_of_the_system(error))
    except Exception:  # noqa: BLE001 - the one place where a bug becomes an exit code
        traceback.print_exc()
        print_error("this is a bug in Caisson", "please report it with the lines above")
        return Exit.BUG
    return Exit.YES if code is None else Exit(code)


def _print_usage_error(error: click.ClickException) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return
    hint = f"try `{error.ctx.command_path} --help`" if isinstance(error, click.UsageError) and error.ctx else None
    message = error.format_message().rstrip(".").replace("'", "`")
    print_error(message[:1].lower() + message[1:], hint)


def _of_the_system(error: OSError) -> CaissonError:
    """Give an error for what the system refused where no command foresaw it: a full disk, a path that cannot be."""
    what = error.strerror or str(error) or type(error).__name__
    place = "" if error.filename is None else f" `{os.fsdecode(error.filename)}`"
    return Unavailable(f"the system refuses{place}: {what}", hint=PLACE)


def main() -> None:
    """Run the command line of this process and exit."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or complain(_of_the_system(error))
        # What nobody took is not offered once more when the interpreter ends, which would end with a code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
