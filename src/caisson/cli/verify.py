"""`caisson verify`: is this image what its signer signed?"""

import tempfile
from pathlib import Path
from typing import Any

import click

from caisson import oci
from caisson.cli.hexadecimal import Hexadecimal
from caisson.cli.image_policy import read_image_policy
from caisson.cli.output import emit, json_option, say
from caisson.cli.provenance import describe
from caisson.cli.registry import registry_options
from caisson.conversion import VerifiedImage, verify_image
from caisson.errors import ImageChanged, PolicyRejected, ProvenanceRejected, SignatureRejected
from caisson.provenance import appraise
from caisson.sgx import MrSigner

_EPILOG = """\b
Examples:
  caisson verify docker://localhost:5000/redis:7 --policy image-policy.toml
  caisson verify caisson/redis:7.0 --mrsigner "$(caisson key show signing-key.pem)"
"""


@click.command(epilog=_EPILOG)
@click.argument("image")
@click.option("--mrsigner", type=Hexadecimal(MrSigner), help="Accept only what this signer signed.")
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Accept only what this policy for images accepts.",
)
@registry_options
@json_option
def command(
    *, image: str, mrsigner: MrSigner | None, policy_file: Path | None, access: oci.Access, as_json: bool
) -> None:
    """Recompute the identity of IMAGE from its bytes alone, and say who signed it.

    Exits with 1 if the manifest, premain, a trusted file, the SIGSTRUCT or the configuration was changed, naming
    each; or if it is not what the policy accepts. Without --mrsigner and --policy any signer will do: then it is up to
    you whether to trust the one that is printed.
    """
    policy = None if policy_file is None else read_image_policy(policy_file)
    parsed = oci.Reference.parse(image)
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        found = oci.source(parsed, access).read(scratch=Path(directory))
        try:
            verified = verify_image(found)
            _require_signer(verified, mrsigner)
            provenance = None
            if policy is not None:
                provenance = appraise(policy, parsed, found, verified, access=access, scratch=Path(directory))
        except (ImageChanged, SignatureRejected, PolicyRejected, ProvenanceRejected) as error:
            reasons = (error.message,) if isinstance(error, SignatureRejected) else error.reasons
            if as_json:
                refused = {"image": image, "digest": str(found.digest), "verified": False, "reasons": list(reasons)}
                emit(refused, human="", as_json=True)
            raise
    if verified.debug:
        say("warning: this is a debug enclave: whoever runs it can read its memory", style="bold")
    data = {"image": image, "digest": str(found.digest), "verified": True, **_identity(verified)}
    if policy is not None:
        data["provenance"] = None if provenance is None else describe(provenance)
    emit(data, human=_human(data), as_json=as_json)


def _require_signer(verified: VerifiedImage, expected: MrSigner | None) -> None:
    if expected is not None and verified.mr_signer != expected:
        raise SignatureRejected(
            f"the image is intact, but signed by {verified.mr_signer}, not by {expected}",
            hint="ask the signer which key is theirs, by another way than the image",
        )


def _identity(verified: VerifiedImage) -> dict[str, Any]:
    pin = verified.key_server_pin
    return {
        "mrenclave": str(verified.mr_enclave),
        "mrsigner": str(verified.mr_signer),
        "isv_prod_id": verified.isv_prod_id,
        "isv_svn": verified.isv_svn,
        "debug": verified.debug,
        "runtime": verified.runtime,
        "key_server_pin": None if pin is None else str(pin),
        "trusted_files": len(verified.manifest.sgx.trusted_files),
        "encrypted_files": list(verified.encrypted_files),
    }


def _human(data: dict[str, Any]) -> str:
    rows = {
        "image": data["image"],
        "digest": data["digest"],
        "MRENCLAVE": data["mrenclave"],
        "MRSIGNER": data["mrsigner"],
        "product": f"{data['isv_prod_id']}, security version {data['isv_svn']}",
        "runtime": data["runtime"],
        "key server": data["key_server_pin"] or "any (the image has no pin)",
        "verified": f"yes: manifest, premain, SIGSTRUCT and {data['trusted_files']} trusted files",
    }
    if keys := data["encrypted_files"]:
        rows["encrypted"] = f"files under the key {', '.join(f'`{key}`' for key in keys)}: not looked into"
    if (provenance := data.get("provenance")) is not None:
        rows["publisher"] = provenance["publisher"]
    return "\n".join(f"{name:<10} {value}" for name, value in rows.items())
