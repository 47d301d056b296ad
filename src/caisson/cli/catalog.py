"""`caisson catalog`: the programs that are ready, and how to begin one of your own."""

import re
import tempfile
from pathlib import Path

import click

from caisson import catalog, oci
from caisson.cli.files import PUBLIC, write_new
from caisson.cli.output import emit, json_option
from caisson.cli.registry import registry_options
from caisson.cli.table import table
from caisson.conversion import Recipe, resolved
from caisson.errors import Rejected, Unknown, UsageError
from caisson.protocol import WORKLOAD_NAME

_INIT_EPILOG = """\b
Example:
  caisson catalog init redis my-redis
  caisson up my-redis --recipe my-redis/caisson.toml"""

_PIN_EPILOG = """\b
Example:
  caisson catalog init redis my-redis --upstream
  caisson catalog pin my-redis"""


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
@click.option("--upstream", is_flag=True, help="For the upstream image only, without Debian's packages.")
@json_option
def init(*, name: str, directory: Path, own: str | None, upstream: bool, as_json: bool) -> None:
    """Copy program NAME of the catalog into the new DIRECTORY, as the start of your own, with secrets of its own."""
    entry = catalog.load(name)
    raw = catalog.upstream_only(entry.raw) if upstream else entry.raw
    called = own or directory.absolute().name
    if WORKLOAD_NAME.fullmatch(called) is None:
        raise UsageError(f"`{called}` is no name for a program", hint="give one in lower case, with `--name`")
    if directory.exists() or directory.is_symlink():
        raise UsageError(f"`{directory}` exists already", hint="name a new directory")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".caisson-") as scratch:  # it appears whole
        unfinished = Path(scratch) / directory.name
        unfinished.mkdir()
        for file in entry.files():
            (unfinished / file.name).write_text(_with_name(called, entry, file.read_text()))
        # The first name is the recipe's own; all else stays as it was written, comments and all.
        written = re.sub(r'(?m)^name = ".*"$', f'name = "{called}"', raw.decode(), count=1)
        (unfinished / catalog.RECIPE).write_text(_with_name(called, entry, written))
        unfinished.rename(directory)
    recipe = directory / catalog.RECIPE
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


@command.command(epilog=_PIN_EPILOG)
@click.argument("entry", metavar="NAME|DIRECTORY")
@click.option("--image", metavar="IMAGE", help="Pin this image of a registry: another version, or a mirror's.")
@registry_options
@json_option
def pin(*, entry: str, image: str | None, access: oci.Access, as_json: bool) -> None:
    """Ask the registry which image the recipe's tag names now, and write its digest into the recipe.

    What is written is the digest of the bytes that the registry gave, for an image of several platforms that of its
    index. Everything else in the file stays as it is. With a digest in it, a recipe gives the same image again.
    """
    file = catalog.recipe_file(entry) if entry in catalog.names() else Path(entry) / catalog.RECIPE
    if not file.is_file():
        raise UsageError(f"`{entry}` has no `{catalog.RECIPE}`", hint="name a program of the catalog, or a directory")
    raw = file.read_bytes()
    Recipe.parse(raw, folder=file.parent)
    wanted = image or catalog.upstream_reference(raw).partition("@")[0]
    found = str(resolved(wanted.removeprefix("docker://"), access))
    changed = catalog.pinned(raw, found)
    write_new(file, changed, mode=PUBLIC, force=True)
    emit({"recipe": str(file), "image": found, "changed": changed != raw}, human=found, as_json=as_json)


def _with_name(own: str, entry: catalog.Entry, text: str) -> str:
    """Put another name where a program and what is beside it know each other by name, and into its secrets' names.

    Two programs shall not share a password without anybody having said so.
    """
    for secret in entry.recipe.provision.secret:
        renamed = re.sub(rf"^{entry.name}(?=-)", own, secret.name)
        text = re.sub(rf"(?<![\w-]){re.escape(secret.name)}(?![\w-])", renamed, text)
    for beside in entry.recipe.beside:
        text = re.sub(rf"(?<![\w-]){entry.name}-{beside.entry}(?![\w-])", f"{own}-{beside.entry}", text)
        text = re.sub(rf"/CN={entry.name}(?![\w-])", f"/CN={own}", text)
    return text


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
        "sources": [kind for kind in ("debian", "image") if getattr(recipe.source, kind) is not None],
    }


def _ports(recipe: Recipe) -> str:
    return ", ".join(map(str, recipe.ports))


def _text(name: str) -> str:
    entry = catalog.load(name)
    return f"{name} {entry.recipe.summary} {entry.page}"
