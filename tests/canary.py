"""Everything that a Docker image gives to whoever holds it: its history, its configuration, each blob and each file."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from demo.stage import Stage


def image_contents(stage: Stage, image: str, directory: Path) -> Iterator[tuple[str, bytes]]:
    """Give names and bytes, file by file."""
    for command in (("docker", "history", "--no-trunc", image), ("docker", "inspect", image)):
        done = stage.run(*command)
        assert done.status == 0, done.stderr
        yield " ".join(command), done.stdout.encode()
    archive = directory / "image.tar"
    done = stage.run("docker", "save", "-o", archive, image)
    assert done.status == 0, done.stderr
    with tarfile.open(archive) as outer:
        for blob in (member for member in outer if member.isfile()):
            content = _read(outer, blob)
            yield blob.name, content
            yield from _layer_files(content)
    archive.unlink()


def _layer_files(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the files of a layer, compressed or not, and nothing of what is no layer."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as layer:
            for member in layer:
                if member.isfile():
                    yield member.name, _read(layer, member)
    except tarfile.ReadError:
        return


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None, member.name
    return file.read()
