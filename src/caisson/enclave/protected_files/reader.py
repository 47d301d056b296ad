"""Reading an encrypted file: block by block, each checked before it is given out."""

import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import BinaryIO

from caisson.enclave.protected_files.layout import (
    BRANCH_CHILDREN,
    DATA_CHILDREN,
    HEAD_DATA,
    NODE,
    Branch,
    FileKey,
    Metadata,
    branch_place,
    data_place,
    nodes_for,
    normal_path,
    unseal,
)
from caisson.errors import FileRejected

_KEPT = 48  # branches in memory, 4 KiB each


class Reader:
    """An encrypted file that its key opens. `file` can seek; its size and metadata are checked at once.

    With `path`, the file must have been written for that path: whoever has several files of one key cannot swap them.

    Raises:
        FileRejected: another key or path, cut off or lengthened, or changed.
        UsageError: a path that Gramine cannot have.
    """

    def __init__(self, file: BinaryIO, key: FileKey, *, path: str | None = None) -> None:
        self._file = file
        length = file.seek(0, os.SEEK_END)
        metadata = Metadata.parse(self._node(0), key)
        if path is not None and metadata.path != normal_path(path):
            raise FileRejected(
                f"encrypted file was written for the path `{metadata.path}`, not for `{path}`",
                hint="files are bound to their path: put it back, or encrypt it again for the new one",
            )
        if length != nodes_for(metadata.size) * NODE:
            raise FileRejected(
                f"encrypted file has {length} bytes, and should have {nodes_for(metadata.size) * NODE}: it was cut off"
                " or lengthened"
            )
        self.path = metadata.path
        self.size = metadata.size
        self._metadata = metadata
        self._branches: OrderedDict[int, Branch] = OrderedDict()

    def blocks(self) -> Iterator[bytes]:
        """Give the content from its beginning, in blocks of at most 4 KiB.

        Raises:
            FileRejected: the next block, or what vouches for it, was changed.
        """
        yield self._metadata.head[: self.size]
        for number in range((self.size - HEAD_DATA + NODE - 1) // NODE):
            by = self._branch(number // DATA_CHILDREN).data(number)
            block = unseal(by, self._node(data_place(number)), f"data block {number}")
            yield block[: self.size - HEAD_DATA - number * NODE]

    def _branch(self, number: int) -> Branch:
        """Give a branch; each is opened by the one above it, and the root by the metadata."""
        if number in self._branches:
            self._branches.move_to_end(number)
            return self._branches[number]
        by = self._metadata.root if number == 0 else self._branch((number - 1) // BRANCH_CHILDREN).branch(number)
        branch = Branch(unseal(by, self._node(branch_place(number)), f"branch {number} of its tree"))
        self._branches[number] = branch
        if len(self._branches) > _KEPT:
            self._branches.popitem(last=False)
        return branch

    def _node(self, place: int) -> bytes:
        self._file.seek(place * NODE)
        return self._file.read(NODE)
