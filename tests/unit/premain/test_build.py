"""What the guest agent is made of."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

SOURCE = Path(__file__).parents[3] / "premain"


def go(*arguments):
    command = Path(sys.executable).parent / "go"
    found = str(command) if command.exists() else shutil.which("go")
    return subprocess.run([found, *arguments], cwd=SOURCE, check=True, capture_output=True, text=True).stdout


def test_it_is_static_stripped_and_small(binary):
    assert binary.stat().st_size <= 6_500_000
    with binary.open("rb") as file:
        elf = ELFFile(file)
        assert not any(segment["p_type"] in {"PT_INTERP", "PT_DYNAMIC"} for segment in elf.iter_segments())
        assert not any(section.name.startswith((".debug", ".zdebug", ".symtab")) for section in elf.iter_sections())


def test_it_has_no_http_2(binary):
    assert b"net/http.(*Transport)" in binary.read_bytes()
    assert b"net/http/internal/http2." not in binary.read_bytes()


def test_it_uses_nothing_but_the_standard_library():
    # `go list` prints one JSON object after another.
    decoder, text, packages = json.JSONDecoder(), go("list", "-deps", "-json=ImportPath,Standard", "."), []
    while text := text.lstrip():
        package, end = decoder.raw_decode(text)
        packages.append(package)
        text = text[end:]
    assert len(packages) > 50
    assert [package["ImportPath"] for package in packages if not package.get("Standard")] == ["caisson/premain"]
    assert "require" not in (SOURCE / "go.mod").read_text()
    assert not (SOURCE / "go.sum").exists()


def build_elsewhere(directory, **environment):
    source, output = directory / "elsewhere" / "source", directory / "premain"
    shutil.copytree(SOURCE, source)
    # What would change the bytes if the build let it.
    environment |= {"GOFLAGS": "-race", "GOAMD64": "v3", "GOEXPERIMENT": "synctest", "CGO_ENABLED": "1"}
    subprocess.run([sys.executable, str(source / "build.py"), str(output)], check=True, env=os.environ | environment)
    return output.read_bytes()


def test_two_builds_in_two_places_are_one(binary, tmp_path):
    assert build_elsewhere(tmp_path) == binary.read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)  # it compiles Go's standard library, too
def test_a_build_that_compiles_everything_anew_is_the_same(binary, tmp_path):
    assert build_elsewhere(tmp_path, GOCACHE=str(tmp_path / "cache")) == binary.read_bytes()


def test_nothing_of_the_building_machine_is_inside(binary):
    content = binary.read_bytes()
    assert str(SOURCE).encode() not in content
    assert str(Path.home() / "go").encode() not in content
