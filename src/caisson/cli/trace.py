"""`caisson trace`: run a program once, and propose what its recipe leaves out."""

import tempfile
from pathlib import Path

import click

from caisson import oci
from caisson.cli.build import chosen_recipe, prepare_image, upstream_option
from caisson.cli.file_keys import file_keys_of
from caisson.cli.home import Home, home_option
from caisson.cli.local import Local, signing_key
from caisson.cli.output import emit, json_option, say
from caisson.cli.provisioning import exact_policy, provision
from caisson.cli.registry import registry_options
from caisson.conversion import Content
from caisson.conversion.places import PREMAIN
from caisson.conversion.trace import opened_files, propose
from caisson.engine import Room

_PLATFORM = "/run/caisson.sock"  # beside what premain writes, where nothing is mounted
_LAST_WORDS = 400


@click.command()
@click.argument("source", required=False)
@home_option
@click.option(
    "--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The recipe, a `caisson.toml`."
)
@click.option("--catalog", "entry", metavar="NAME", help="Take the recipe from the catalog.")
@upstream_option
@click.option("--seconds", type=click.FloatRange(1, 3600), default=10, show_default=True, help="How long it runs.")
@registry_options
@json_option
def command(
    *,
    source: str | None,
    home: Home,
    recipe: Path | None,
    entry: str | None,
    upstream: bool,
    seconds: float,
    access: oci.Access,
    as_json: bool,
) -> None:
    """Run the program of a recipe once, and propose lines for the files that it opens and the recipe leaves out.

    It runs on this machine, on the native runtime, in namespaces of its own but on the machine's network, with secrets
    from the local key server; use it while it runs, so that it opens what it needs. Only what happens is seen: read
    the lines before you take them. Needs root and `strace`; trace only programs that you would run anyway.

    \b
    Example:
      caisson trace --recipe caisson.toml --seconds 20
    """
    chosen = chosen_recipe(recipe, entry, upstream=upstream)
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        scratch = Path(directory)
        local = Local.start(home, address="127.0.0.1")
        built = prepare_image(
            source,
            chosen,
            cache=home.cache,
            scratch=scratch,
            pin=local.pin,
            access=access,
            file_keys=file_keys_of(chosen, (), local.client),
        ).sign(signing_key(home))
        with local.client() as server:
            provision(chosen, exact_policy(built, local), local, server)
        root = scratch / "root"
        root.mkdir()
        oci.unpack_files(oci.FileSystem.of(built.image), root)
        say(f"running `{chosen.name}` for {seconds:g} seconds: use it now")
        room = Room(root=root, tmpfs=chosen.tmpfs, bound={_PLATFORM: home.platform_socket.absolute()})
        recording = room.record(
            (PREMAIN,),
            {
                "CAISSON_KEY_SERVER": local.key_server,
                "CAISSON_WORKLOAD": chosen.name,
                "CAISSON_PLATFORM": f"unix:{_PLATFORM}",
            },
            seconds=seconds,
            log=scratch / "strace.log",
        )
        proposal = propose(
            opened_files(recording.log),
            Content(built.image),
            trusted=(file.uri.removeprefix("file:") for file in built.manifest.sgx.trusted_files),
            hidden=(*chosen.tmpfs, *chosen.kept),
        )
    if recording.status is not None:
        say(f"warning: it ended by itself, with {recording.status}:", style="bold")
        say(recording.output[-_LAST_WORDS:])
    data = {"trusted": list(proposal.trusted), "modules": list(proposal.modules), "status": recording.status}
    emit(data, human=proposal.toml() or "# nothing is missing", as_json=as_json)
