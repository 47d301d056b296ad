"""The bill of materials, in CycloneDX 1.6 (ECMA-424): the same image always gives the same bytes."""

import uuid
from collections.abc import Iterator
from typing import Any

from caisson import __version__
from caisson.conversion import PREMAIN, VerifiedImage
from caisson.conversion.places import ENCRYPTED, RUNTIME_DESCRIPTION
from caisson.enclave import RuntimeBundle
from caisson.oci import Image, document
from caisson.provenance.component import Component
from caisson.provenance.inventory import Inventory
from caisson.provenance.materials import runtime_in

MEDIA_TYPE = "application/vnd.cyclonedx+json"

_IMAGE = "image"
_NO_DATE = "00000000"
_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"


def encode_sbom(image: Image, verified: VerifiedImage, inventory: Inventory) -> bytes:
    """Write the bill of materials of a confidential image.

    Nothing in it is of this moment: its serial number is made of its content, and its time is the SIGSTRUCT's date, if
    that has one.
    """
    components = [_component(first, tuple(same)) for first, same in _by_purl(inventory)]
    value: dict[str, Any] = {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": _metadata(image, verified),
        "components": [
            _premain(verified),
            *_gramine(runtime_in(image)),
            *_encrypted(verified),
            *components,
        ],
        # Programs that no package manager knows, and what they were linked with, are not in here.
        "compositions": [{"aggregate": "incomplete", "assemblies": [_IMAGE]}],
    }
    unread = (*inventory.unread, *(f"{ENCRYPTED}/{name}: encrypted" for name in verified.encrypted_files))
    if unread:
        value["properties"] = [{"name": "caisson:unread", "value": reason} for reason in unread]
    serial = uuid.uuid5(uuid.NAMESPACE_OID, document.encode(value).hex())
    return document.encode({**value, "serialNumber": f"urn:uuid:{serial}"})


def _by_purl(inventory: Inventory) -> list[tuple[Component, list[Component]]]:
    found: dict[str, list[Component]] = {}
    for component in inventory.components:
        found.setdefault(component.purl, []).append(component)
    return [(same[0], same) for same in found.values()]


def _component(first: Component, same: tuple[Component, ...]) -> dict[str, Any]:
    value: dict[str, Any] = {
        "type": "library",
        "bom-ref": first.purl,
        "name": first.name,
        "version": first.version,
        "purl": first.purl,
        "evidence": {"occurrences": [{"location": path} for path in sorted({each.location for each in same})]},
    }
    if first.licence:
        value["licenses"] = [{"license": {"name": first.licence}}]
    return value


def _premain(verified: VerifiedImage) -> dict[str, Any]:
    hashes = [file.sha256 for file in verified.manifest.sgx.trusted_files if file.uri == f"file:{PREMAIN}"]
    return {
        "type": "application",
        "bom-ref": PREMAIN,
        "name": "premain",
        "description": "Caisson's guest agent",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in hashes],
        "evidence": {"occurrences": [{"location": PREMAIN}]},
    }


def _gramine(bundle: RuntimeBundle | None) -> Iterator[dict[str, Any]]:
    """Name the library OS, by its release and the identifier of its bundle."""
    if bundle is not None:
        yield {
            "type": "framework",
            "bom-ref": RUNTIME_DESCRIPTION,
            "name": "gramine",
            "version": bundle.version,
            "hashes": [{"alg": "SHA-256", "content": bundle.id}],
            "evidence": {"occurrences": [{"location": RUNTIME_DESCRIPTION}]},
        }


def _encrypted(verified: VerifiedImage) -> Iterator[dict[str, Any]]:
    """Name what nobody can look into without the key."""
    digests = {file.uri: file.sha256 for file in verified.manifest.sgx.trusted_files}
    for name in verified.encrypted_files:
        path = f"{ENCRYPTED}/{name}"
        yield {
            "type": "data",
            "bom-ref": path,
            "name": name,
            "description": "encrypted files of the program",
            "hashes": [{"alg": "SHA-256", "content": digests[f"file:{path}"]}],
            "evidence": {"occurrences": [{"location": path}]},
        }


def _metadata(image: Image, verified: VerifiedImage) -> dict[str, Any]:
    value: dict[str, Any] = {
        "tools": {"components": [{"type": "application", "name": "caisson", "version": __version__}]},
        "component": {
            "type": "container",
            "bom-ref": _IMAGE,
            "name": _name(image),
            "version": str(image.digest),
            "properties": [{"name": "caisson:mrenclave", "value": str(verified.mr_enclave)}],
        },
    }
    date = verified.sigstruct.date
    if date != _NO_DATE:
        value["timestamp"] = f"{date[:4]}-{date[4:6]}-{date[6:]}T00:00:00Z"
    return value


def _name(image: Image) -> str:
    """Give the workload's name, as the image has it; it is for people, and nothing trusts it."""
    values = dict(item.partition("=")[::2] for item in image.config.run.env)
    return values.get("CAISSON_WORKLOAD", "image")
