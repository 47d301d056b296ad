"""Writing an image's files into a directory, for running them there."""

import os
from pathlib import Path

from caisson.errors import UsageError
from caisson.oci.filesystem import FileSystem
from caisson.oci.tar import Entry, Kind


def unpack_files(files: FileSystem, directory: Path) -> None:
    """Write all files, directories and symbolic links below `directory`, with their owners and modes.

    Devices and FIFOs are left out. Everything is made anew, parents first, and no link is followed: nothing can land
    outside. The directory has to be empty.

    Raises:
        UsageError: it cannot be written; owners need root.
    """
    if any(directory.iterdir()):
        raise UsageError(f"`{directory}` is not empty")
    try:
        for found in files.walk():
            _write(found.entry, directory / found.path.lstrip("/"))
    except OSError as cause:
        raise UsageError(f"the image cannot be unpacked: {cause}", hint="owners of files need root") from cause


def _write(entry: Entry, path: Path) -> None:
    match entry.kind:
        case Kind.DIRECTORY:
            path.mkdir()
        case Kind.SYMBOLIC_LINK:
            path.symlink_to(entry.link)
        case _ if entry.content is not None:
            with path.open("xb") as file:
                for chunk in entry.content.chunks():
                    file.write(chunk)
        case _:
            return
    os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
    if entry.kind is not Kind.SYMBOLIC_LINK:
        path.chmod(entry.mode)
