"""Everything that a Docker image gives to whoever holds it: its history, its configuration, each blob and each file."""

import io
import tarfile


def image_contents(stage, image, directory):
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
            content = outer.extractfile(blob).read()
            yield blob.name, content
            yield from _layer_files(content)
    archive.unlink()


def _layer_files(content):
    """Give the files of a layer, compressed or not, and nothing of what is no layer."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as layer:
            for member in layer:
                if member.isfile():
                    yield member.name, layer.extractfile(member).read()
    except tarfile.ReadError:
        return
