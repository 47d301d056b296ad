"""`caisson inspect`: what an image says of itself."""

import tempfile
from pathlib import Path
from typing import Any

import click

from caisson import oci
from caisson.cli.output import emit, json_option
from caisson.cli.registry import registry_options
from caisson.conversion import MANIFEST, SIGSTRUCT, UNSIGNED
from caisson.conversion.manifests import PLAIN_KEYS
from caisson.conversion.measured import encrypted_keys, runtime_of
from caisson.conversion.places import ENCRYPTED
from caisson.enclave import Manifest
from caisson.errors import ImageRejected
from caisson.sgx import SigStruct

_EPILOG = """\b
Example:
  caisson inspect oci:out:redis --json
"""


@click.command(epilog=_EPILOG)
@click.argument("image")
@registry_options
@json_option
def command(*, image: str, access: oci.Access, as_json: bool) -> None:
    """Show what IMAGE says of itself, plain or confidential.

    Nothing of it is checked against anything: `caisson verify` does that.
    """
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        found = oci.source(oci.Reference.parse(image), access).read(scratch=Path(directory))
        data = {"image": image, **_plain(found), "confidential": _confidential(oci.FileSystem.of(found))}
    emit(data, human=_human(data), as_json=as_json)


def _plain(image: oci.Image) -> dict[str, Any]:
    run = image.config.run
    return {
        "digest": str(image.digest),
        "image_id": str(image.image_id),
        "platform": f"{image.config.os}/{image.config.architecture}",
        "layers": [{"digest": str(each.digest), "size": each.size} for each in image.manifest.layers],
        "entrypoint": list(run.entrypoint or ()),
        "cmd": list(run.cmd or ()),
        "user": run.user,
        "working_dir": run.working_dir,
        "ports": list(run.exposed_ports),
        "volumes": list(run.volumes),
    }


def _confidential(files: oci.FileSystem) -> dict[str, Any] | None:
    """Give what manifest and SIGSTRUCT say, signed or not yet, or None for a plain image."""
    raw, signature, unsigned = (_read(files, path) for path in (MANIFEST, SIGSTRUCT, UNSIGNED))
    if raw is signature is unsigned is None:
        return None
    if raw is None or (said := signature or unsigned) is None:
        raise ImageRejected(f"image has only one of `{MANIFEST}` and `{SIGSTRUCT}`")
    manifest, sigstruct = Manifest.parse(raw), SigStruct.parse(said)
    return {
        "mrenclave": str(sigstruct.mr_enclave),
        "mrsigner": None if signature is None else str(sigstruct.mr_signer),
        "isv_prod_id": sigstruct.isv_prod_id,
        "isv_svn": sigstruct.isv_svn,
        "date": sigstruct.date,
        "debug": manifest.sgx.debug,
        "enclave_size": manifest.sgx.enclave_size,
        "max_threads": manifest.sgx.max_threads,
        "argv": list(manifest.loader.argv),
        "environment": {item.name: item.value for item in manifest.loader.env if item.value is not None},
        "passthrough": [item.name for item in manifest.loader.env if item.value is None],
        "runtime": runtime_of(manifest),
        "mounts": [mount.path for mount in manifest.fs.mounts],
        "encrypted": {mount.path: mount.key_name for mount in manifest.fs.mounts if mount.key_name is not None},
        "encrypted_files": {name: _size(files, f"{ENCRYPTED}/{name}") for name in encrypted_keys(manifest)},
        "unused_keys": _unused_keys(manifest),
        "allowed_files": [uri.removeprefix("file:") for uri in manifest.sgx.allowed_files],
        "trusted_files": {file.uri.removeprefix("file:"): file.sha256 for file in manifest.sgx.trusted_files},
    }


def _unused_keys(manifest: Manifest) -> list[str]:
    """Give the keys of encrypted mounts that the native runtime leaves plain."""
    named = next((item.value for item in manifest.loader.env if item.name == PLAIN_KEYS), None)
    return named.split(",") if named else []


def _size(files: oci.FileSystem, path: str) -> int | None:
    found = files.find(path)
    return None if found is None or found.content is None else found.content.size


def _read(files: oci.FileSystem, path: str) -> bytes | None:
    found = files.find(path)
    return None if found is None or found.content is None else found.content.read()


def _human(data: dict[str, Any]) -> str:
    rows = [
        ("image", data["image"]),
        ("digest", data["digest"]),
        ("platform", data["platform"]),
        ("layers", f"{len(data['layers'])}, {sum(layer['size'] for layer in data['layers'])} bytes"),
        ("starts", " ".join(data["entrypoint"] + data["cmd"]) or "nothing"),
    ]
    if (inside := data["confidential"]) is not None:
        rows += [
            ("program", " ".join(inside["argv"][1:])),
            ("MRENCLAVE", inside["mrenclave"]),
            ("MRSIGNER", inside["mrsigner"] or "none: not signed"),
            ("product", f"{inside['isv_prod_id']}, security version {inside['isv_svn']}"),
            ("enclave", f"{inside['enclave_size']}, {inside['max_threads']} threads{', DEBUG' * inside['debug']}"),
            ("runtime", inside["runtime"]),
            ("trusted", f"{len(inside['trusted_files'])} files"),
        ]
        rows += [("encrypted", f"{path}, under the key `{key}`") for path, key in inside["encrypted"].items()]
        rows += [
            ("encrypted", f"files of {size} bytes, under the key `{key}`")
            for key, size in inside["encrypted_files"].items()
        ]
        rows += [("PLAIN", f"nothing is encrypted under the key `{key}`") for key in inside["unused_keys"]]
        rows += [("ALLOWED", f"the host may change {path}") for path in inside["allowed_files"]]
    return "\n".join(f"{name:<10} {value}" for name, value in rows)
