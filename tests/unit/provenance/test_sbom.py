"""The bill of materials is CycloneDX as its own library understands it, and says the same every time."""

import json
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from caisson.conversion import verify_image
from caisson.oci import FileSystem
from caisson.provenance import Inventory, encode_sbom


def test_the_schema_of_cyclonedx_accepts_it(published):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(published.sbom.decode()) is None


def test_it_names_the_image_its_packages_and_our_own_part(published):
    value = json.loads(published.sbom)
    assert value["metadata"]["component"]["version"] == str(published.image.digest)
    assert value["metadata"]["component"]["name"] == "hello"
    names = [component["name"] for component in value["components"]]
    assert names == ["premain", "half", "libc6"]
    assert len(value["components"][0]["hashes"][0]["content"]) == 64
    assert value["components"][2]["evidence"]["occurrences"] == [{"location": "/var/lib/dpkg/status"}]
    assert value["compositions"][0]["aggregate"] == "incomplete"
    assert "timestamp" not in value["metadata"]
    assert "properties" not in value


def test_the_same_image_gives_the_same_bytes_and_another_one_another_serial_number(published, pinned):
    again = encode_sbom(published.image, published.verified, Inventory.of(FileSystem.of(published.image)))
    assert again == published.sbom
    assert json.loads(again)["serialNumber"] != json.loads(pinned.sbom)["serialNumber"]


def test_its_time_is_the_signatures(bench):
    image = bench.convert(recipe=bench.recipe.replace("isv_svn = 3", 'isv_svn = 3\ndate = "2026-11-25"')).image
    raw = encode_sbom(image, verify_image(image), Inventory.of(FileSystem.of(image)))
    assert json.loads(raw)["metadata"]["timestamp"] == "2026-11-25T00:00:00Z"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(raw.decode()) is None


def test_what_was_not_read_is_said(published):
    raw = encode_sbom(published.image, published.verified, Inventory(components=(), unread=("/x: why",)))
    assert json.loads(raw)["properties"] == [{"name": "caisson:unread", "value": "/x: why"}]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(raw.decode()) is None


@pytest.mark.parametrize("licence", ["MIT", "see LICENSE, and ünïcode"])
def test_a_licence_is_told_in_the_packages_words(published, licence):
    inventory = Inventory.of(FileSystem.of(published.image))
    components = tuple(replace(each, licence=licence) for each in inventory.components)
    raw = encode_sbom(published.image, published.verified, replace(inventory, components=components))
    assert json.loads(raw)["components"][1]["licenses"] == [{"license": {"name": licence}}]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(raw.decode()) is None
