"""`caisson catalog`: the programs that are ready, and how to begin one of your own."""

import re
from pathlib import Path

import click

from caisson import catalog
from caisson.cli.connection import table
from caisson.cli.output import emit, json_option
from caisson.conversion import Recipe
from caisson.errors import Rejected, Unknown, UsageError
from caisson.protocol import WORKLOAD_NAME

_INIT_EPILOG = """\b
Example:
  caisson catalog init redis my-redis
  caisson up my-redis --recipe my-redis/caisson.toml"""


@click.group(epilog="\b\nExample:\n  caisson catalog list")
def command() -> None:
    """Find programs that are ready, and begin recipes of your own from theirs."""


@command.command("list", epilog="\b\nExample:\n  caisson catalog list --json")
@json_option
def list_entries(*, as_json: bool) -> None:
    """List all programs."""
    _emit_entries(catalog.names(), as_json=as_json)


@command.command(epilog="\b\nExample:\n  caisson catalog search database")
@click.argument("word")
@json_option
def search(*, word: str, as_json: bool) -> None:
    """List the programs whose name, summary or page has WORD in it.

    Exits with 1 if there is none.
    """
    wanted = word.casefold()
    found = tuple(name for name in catalog.names() if wanted in _text(name).casefold())
    if not found:
        raise Unknown(f"the catalog has no program like `{word}`", hint="`caisson catalog list` shows all")
    _emit_entries(found, as_json=as_json)


@command.command(epilog="\b\nExample:\n  caisson catalog show redis")
@click.argument("name")
@json_option
def show(*, name: str, as_json: bool) -> None:
    """Show the page of program NAME: what is protected and what is not, how to connect, its limits."""
    entry = catalog.load(name)
    data = {**_data(name, entry.recipe), "files": [file.name for file in entry.files()], "page": entry.page}
    emit(data, human=entry.page.rstrip(), as_json=as_json)


@command.command(epilog=_INIT_EPILOG)
@click.argument("name")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--name", "own", metavar="NAME", help="What your program is called.  [default: the directory's name]")
@json_option
def init(*, name: str, directory: Path, own: str | None, as_json: bool) -> None:
    """Copy program NAME of the catalog into the new DIRECTORY, as the start of your own."""
    entry = catalog.load(name)
    called = own or directory.absolute().name
    if WORKLOAD_NAME.fullmatch(called) is None:
        raise UsageError(f"`{called}` is no name for a program", hint="give one in lower case, with `--name`")
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"`{directory}` exists already", hint="name a new directory") from None
    for file in entry.files():
        (directory / file.name).write_bytes(file.read_bytes())
    recipe = directory / catalog.RECIPE
    # The first name is the recipe's own; all else stays as it was written, comments and all.
    recipe.write_text(re.sub(r'(?m)^name = ".*"$', f'name = "{called}"', recipe.read_text(), count=1))
    emit(
        {"name": called, "directory": str(directory), "from": name},
        human=f"{directory} holds a copy of `{name}`; try it with\n  caisson up {called} --recipe {recipe}",
        as_json=as_json,
    )


@command.command(epilog="\b\nExample:\n  caisson catalog lint\n  caisson catalog lint ./my-redis")
@click.argument("entries", metavar="[NAME|DIRECTORY]...", nargs=-1)
@json_option
def lint(*, entries: tuple[str, ...], as_json: bool) -> None:
    """Ask of programs what a reviewer asks first; without arguments, of the whole catalog.

    Exits with 1 if one of them lacks something.
    """
    found = [_entry(one) for one in entries or catalog.names()]
    faults = [(entry, fault) for entry in found for fault in catalog.review(entry)]
    data = [{"entry": entry.name, "check": fault.check.id, "fault": fault.words} for entry, fault in faults]
    lines = [f"{entry.name}: {fault.check.id} {fault.words} (wanted: {fault.check.wants})" for entry, fault in faults]
    emit(
        {"entries": [entry.name for entry in found], "faults": data},
        human="\n".join(lines) or "all is there",
        as_json=as_json,
    )
    if faults:
        raise Rejected(f"{len(faults)} things are missing in the catalog")


def _entry(text: str) -> catalog.Entry:
    if text in catalog.names():
        return catalog.load(text)
    directory = Path(text)
    return catalog.Entry.read(directory.absolute().name, directory)


def _emit_entries(names: tuple[str, ...], *, as_json: bool) -> None:
    recipes = {name: catalog.load(name).recipe for name in names}
    rows = [("NAME", "PORTS", "WHAT IT IS"), *((name, _ports(one), one.summary) for name, one in recipes.items())]
    data = {"entries": [_data(name, one) for name, one in recipes.items()]}
    emit(data, human=table(rows, empty="the catalog is empty"), as_json=as_json)


def _data(name: str, recipe: Recipe) -> dict[str, object]:
    return {
        "name": name,
        "summary": recipe.summary,
        "ports": list(recipe.ports),
        "keeps": list(recipe.kept),
        "enclave_size": recipe.enclave.size,
    }


def _ports(recipe: Recipe) -> str:
    return ", ".join(map(str, recipe.ports))


def _text(name: str) -> str:
    entry = catalog.load(name)
    return f"{name} {entry.recipe.summary} {entry.page}"
