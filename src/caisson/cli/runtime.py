"""`caisson runtime`: the releases of Gramine that images can be built for."""

import json
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import click

from caisson import oci
from caisson.cli.home import Home, home_option
from caisson.cli.output import emit, json_option, say
from caisson.conversion import Content
from caisson.conversion.runtime import HostFiles, Release, RuntimeStore, StoredRuntime, find_release, unpack
from caisson.enclave import Libc
from caisson.enclave.layout import GRAMINE
from caisson.errors import Malformed, UsageError

_SHORT = 12
_IMAGE_PREFIX = "/usr"


@click.group()
def command() -> None:
    """Keep releases of Gramine that images can be built for.

    \b
    Example:
      caisson runtime add --prefix /usr
    """


@command.command()
@click.argument("packages", metavar="[FILE.deb]...", nargs=-1, type=click.Path(path_type=Path))
@home_option
@click.option("--prefix", help="Prefix of an installation: on this machine, or in the packages or image.")
@click.option("--image", help="Take it from an image.")
@click.option("--libc", type=click.Choice([str(libc) for libc in Libc]), help="Which C library, where there are two.")
@click.option("--gramine-version", "version", help="Its release, where the installation does not say.")
@click.option("--layout", type=click.File("rb"), help="JSON with the constants of a release that is not known.")
@json_option
def add(
    *,
    packages: tuple[Path, ...],
    home: Home,
    prefix: str | None,
    image: str | None,
    libc: str | None,
    version: str | None,
    layout: BinaryIO | None,
    as_json: bool,
) -> None:
    """Take over a release of Gramine, once; it is known by its content from then on.

    Without packages and --image it is looked for below --prefix on this machine. Of packages, those with the libraries
    of Gramine's SGX loader are needed, too.

    \b
    Example:
      caisson runtime add gramine_1.9_amd64.deb libprotobuf-c1_1.4.1-1+b1_amd64.deb libc6_2.36-9_amd64.deb
    """
    if sum((bool(packages), image is not None)) > 1 or not (packages or image or prefix):
        raise UsageError("name one of packages, `--image` and `--prefix`", hint="see `caisson runtime add --help`")
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        scratch = Path(directory)
        if packages:
            files: Content | HostFiles = Content(unpack(packages, scratch=scratch))
        elif image is not None:
            files = Content(oci.source(oci.Reference.parse(image)).read(scratch=scratch))
        else:
            files = HostFiles()
        release = find_release(
            files,
            prefix=prefix or _IMAGE_PREFIX,
            libc=None if libc is None else Libc(libc),
            version=version,
            layout=None if layout is None else _layout(layout.read()),
        )
    stored = RuntimeStore(home.runtimes).add(release)
    if release.bundle.layout != GRAMINE:
        say(
            "warning: the software platform lays enclaves out as Gramine 1.9 does, and will not launch what is built"
            " with this bundle: that needs SGX",
            style="bold",
        )
    emit(_described(stored), human=stored.bundle.id, as_json=as_json)


@command.command(name="list")
@home_option
@json_option
def list_(*, home: Home, as_json: bool) -> None:
    """List the bundles, the newest release first.

    \b
    Example:
      caisson runtime list
    """
    known = RuntimeStore(home.runtimes).list()
    rows = [
        f"{each.bundle.id[:_SHORT]}  Gramine {each.bundle.version:<8} {each.bundle.libc} {each.bundle.libc_version}"
        for each in known
    ]
    emit({"runtimes": [_described(each) for each in known]}, human="\n".join(rows) or "none", as_json=as_json)


@command.command()
@click.argument("identifier", metavar="[ID]", required=False)
@home_option
@json_option
def show(*, identifier: str | None, home: Home, as_json: bool) -> None:
    """Show a bundle: its release, its C library, and the SHA-256 of each of its files.

    \b
    Example:
      caisson runtime show
    """
    stored = RuntimeStore(home.runtimes).find(identifier)
    data = _described(stored)
    rows = [f"{name.replace('_', ' '):<10} {data[name]}" for name in ("id", "gramine", "libc", "libc_version")]
    rows += [f"{digest}  {name}" for name, digest in sorted(stored.bundle.parts.items())]
    emit(data, human="\n".join(rows), as_json=as_json)


@command.command()
@click.argument("identifier", metavar="[ID]", required=False)
@home_option
@json_option
def verify(*, identifier: str | None, home: Home, as_json: bool) -> None:
    """Hash a bundle's files again; exits with 1 if one was changed.

    \b
    Example:
      caisson runtime verify
    """
    release: Release = RuntimeStore(home.runtimes).find(identifier).release()
    data = {"id": release.bundle.id, "verified": True, "files": len(release.contents)}
    emit(data, human=f"{release.bundle.id}: {len(release.contents)} files are what they were", as_json=as_json)


@command.command()
@click.argument("identifier", metavar="ID")
@home_option
@json_option
def remove(*, identifier: str, home: Home, as_json: bool) -> None:
    """Forget a bundle. Images that were built with it keep what they need.

    \b
    Example:
      caisson runtime remove 984d0e8fc0d5
    """
    store = RuntimeStore(home.runtimes)
    stored = store.find(identifier)
    store.remove(stored)
    emit({"id": stored.bundle.id, "removed": True}, human=f"removed {stored.bundle.id}", as_json=as_json)


def _described(stored: StoredRuntime) -> dict[str, Any]:
    bundle = stored.bundle
    return {
        "id": bundle.id,
        "gramine": bundle.version,
        "libc": str(bundle.libc),
        "libc_version": bundle.libc_version,
        "layout": bundle.layout.values(),
        "files": dict(sorted(bundle.parts.items())),
    }


def _layout(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as cause:
        raise Malformed("layout is not JSON") from cause
    if not isinstance(found, dict):
        raise Malformed("layout is not a JSON object")
    return found
