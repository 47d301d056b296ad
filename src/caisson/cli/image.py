"""`caisson image`: an image of this very Caisson, for services of its own that run in containers."""

import tempfile
from pathlib import Path

import click

from caisson import oci
from caisson.cli.home import Home, home_option
from caisson.cli.output import emit, json_option
from caisson.cli.registry import registry_options
from caisson.conversion import DebianSource, Source, plain_image

PACKAGES = ("ca-certificates", "python3")


@click.command(
    epilog="""\b
Examples:
  caisson image docker://registry.example/caisson:0.1
  caisson image oci:out:caisson"""
)
@click.argument("destination", metavar="DEST")
@click.option("--suite", default="bookworm", show_default=True, help="Debian's, with the Python that runs this.")
@click.option("--force", is_flag=True, help="Replace what is at DEST.")
@home_option
@registry_options
@json_option
def command(*, destination: str, suite: str, force: bool, home: Home, access: oci.Access, as_json: bool) -> None:
    """Make an image of this Caisson, with Debian's Python and the packages that are installed here.

    Its entry point is `caisson`, as nobody in particular: for `caisson webhook install --image`, for the software
    platform of a cluster (`caisson deploy kubernetes --platform-image`), for a key server. It has no tools to build
    images with. The same versions give the same bytes; needs `mmdebstrap`.
    """
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        source = Source(debian=DebianSource(suite=suite, packages=PACKAGES), installation=True)
        image = plain_image(source, cache=home.cache, scratch=Path(directory))
        oci.sink(oci.Reference.parse(destination), access).write(image, overwrite=force)
    data = {"image": destination, "digest": str(image.digest)}
    emit(data, human=f"{destination}  {image.digest}", as_json=as_json)
