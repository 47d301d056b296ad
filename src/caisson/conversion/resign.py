"""Signing, signing again and pinning a confidential image that somebody built: only its topmost layer is made anew."""

from dataclasses import replace
from pathlib import Path

from caisson.conversion import places
from caisson.conversion.content import Content
from caisson.conversion.measured import Measured
from caisson.conversion.prepared import PreparedImage
from caisson.conversion.verify import dashed, verify_image, verify_unsigned
from caisson.enclave import EnvironmentVariable
from caisson.errors import ImageRejected
from caisson.oci import Image
from caisson.protocol import ServerKeyHash
from caisson.sgx import SigStruct

_PIN = "CAISSON_KEY_SERVER_PIN"


def open_prepared(image: Image, *, scratch: Path) -> PreparedImage:
    """Verify a confidential image, signed or not, and take its signature off.

    Nobody signs what was changed: a signed image must be as its signer signed it, and an unsigned one as it was built.

    Raises:
        ImageRejected: not a confidential image, or one with other layers on top.
        ImageChanged: it was changed; all changes are named.
    """
    content = Content(image)
    if (signed := content.read(places.SIGSTRUCT)) is None and content.region(places.UNSIGNED) is not None:
        manifest, unsigned = verify_unsigned(image)
    else:
        manifest = verify_image(image).manifest
        date = dashed(SigStruct.parse(signed or b""))
        unsigned = Measured.in_image(content, manifest).sigstruct(manifest.encode(), date=date)
    if manifest.encode() != content.read(places.MANIFEST):
        raise ImageRejected("the image's manifest was not written by this program", hint="build it anew")
    pal = Measured.in_image(content, manifest).digest
    prepared = PreparedImage.take(image, manifest=manifest, unsigned=unsigned, scratch=scratch, pal=pal)
    if prepared is None:
        raise ImageRejected(
            "the image's topmost layer holds more than its identity", hint="build it anew, and add nothing to it"
        )
    return prepared


def pin(prepared: PreparedImage, server: ServerKeyHash) -> PreparedImage:
    """Bind an image to one key server; its measurement changes, and nothing but manifest and SIGSTRUCT with it."""
    variables = {item.name: item for item in prepared.manifest.loader.env}
    variables[_PIN] = EnvironmentVariable(name=_PIN, value=str(server))
    manifest = replace(prepared.manifest, loader=replace(prepared.manifest.loader, env=tuple(variables.values())))
    measured = Measured.in_image(Content(prepared.body), manifest)
    unsigned = measured.sigstruct(manifest.encode(), date=dashed(prepared.unsigned))
    return replace(prepared, manifest=manifest, unsigned=unsigned)
