import importlib.util
import shutil
import tomllib
from pathlib import Path

VECTORS = Path(__file__).parents[2] / "vectors" / "protocol"
GENERATED = ("challenge.json", "evidence.json", "bundle.json")


def regenerate(directory):
    spec = importlib.util.spec_from_file_location("regenerate_protocol_vectors", VECTORS / "regenerate.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.write(directory)


def test_the_vectors_are_what_the_script_writes(tmp_path):
    shutil.copy(VECTORS / "bundle.json", tmp_path)
    regenerate(tmp_path)
    for name in GENERATED:
        assert (tmp_path / name).read_bytes() == (VECTORS / name).read_bytes(), name


def test_a_sealed_bundle_that_does_not_open_is_replaced(tmp_path):
    text = (VECTORS / "bundle.json").read_text()
    (tmp_path / "bundle.json").write_text(text.replace('"sealed": "{', '"sealed": "{ '))
    regenerate(tmp_path)
    assert '"sealed": "{ ' not in (tmp_path / "bundle.json").read_text()


def test_every_toml_reader_reads_accepted_manifests_alike(vector):
    entries = vector("toml")["accepted"]
    assert entries
    for entry in entries:
        assert tomllib.loads(entry["text"]) == entry["value"], entry["name"]
