"""Writing an encrypted file out of a stream of any length, in memory that does not grow with it."""

from collections.abc import Callable
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from caisson.enclave.protected_files.layout import (
    BRANCH_CHILDREN,
    DATA_CHILDREN,
    HEAD_DATA,
    KEY,
    NODE,
    NONCE,
    Branch,
    FileKey,
    Metadata,
    Sealed,
    branch_place,
    data_place,
    normal_path,
    seal,
)

Random = Callable[[int], bytes]


def encrypt(source: BinaryIO, target: BinaryIO, key: FileKey, *, path: str, random: Random) -> int:
    """Encrypt a stream for the path at which Gramine will open it; give the size of the content in bytes.

    `target` is empty, can be read and can seek. `random` gives that many unpredictable bytes.

    Raises:
        UsageError: a path that Gramine cannot have.
    """
    bound = normal_path(path)
    head = _fill(source, HEAD_DATA)
    tree = _Tree(target, random)
    rest = tree.write(source) if len(head) == HEAD_DATA else 0
    root = tree.close() if rest else Sealed(key=bytes(KEY), tag=bytes(KEY))
    metadata = Metadata(path=bound, size=len(head) + rest, root=root, head=head)
    target.seek(0)
    target.write(metadata.encode(key, random(NONCE)))
    return metadata.size


class _Tree:
    """The tree while it grows.

    A branch can only be sealed when all below it are, which come later in the file. Until then it lies parked at its
    place, under a key that nobody keeps, so that two of them at most are in memory.
    """

    def __init__(self, target: BinaryIO, random: Random) -> None:
        self._target = target
        self._random = random
        self._parking_key = random(KEY)
        self._branch = Branch()
        self._data = 0

    def write(self, source: BinaryIO) -> int:
        """Write all data nodes; give how many bytes the stream had."""
        size = 0
        while block := _fill(source, NODE):
            if self._data and self._data % DATA_CHILDREN == 0:
                self._park(self._data // DATA_CHILDREN - 1, self._branch)
                self._branch = Branch()
            self._branch.put_data(self._data, self._seal(data_place(self._data), block.ljust(NODE, b"\0")))
            self._data += 1
            size += len(block)
        return size

    def close(self) -> Sealed:
        """Seal all branches, the last one first; give what opens the root.

        A branch with others below it is filled while these are sealed, and parked once more until its own turn comes.
        """
        last = (self._data - 1) // DATA_CHILDREN
        self._park(last, self._branch)
        at, parent = last, self._branch
        for number in range(last, 0, -1):
            above = (number - 1) // BRANCH_CHILDREN
            if above != at:
                if at != last:
                    self._park(at, parent, full=True)
                at, parent = above, self._unpark(above)
            branch = self._unpark(number, full=number * BRANCH_CHILDREN < last)
            parent.put_branch(number, self._seal(branch_place(number), bytes(branch.raw)))
        return self._seal(branch_place(0), bytes(parent.raw))

    def _seal(self, place: int, content: bytes) -> Sealed:
        key = self._random(KEY)
        sealed, tag = seal(key, content)
        self._target.seek(place * NODE)
        self._target.write(sealed)
        return Sealed(key=key, tag=tag)

    def _park(self, number: int, branch: Branch, *, full: bool = False) -> None:
        self._target.seek(branch_place(number) * NODE)
        self._target.write(self._masked(number, bytes(branch.raw), full=full))

    def _unpark(self, number: int, *, full: bool = False) -> Branch:
        self._target.seek(branch_place(number) * NODE)
        return Branch(self._masked(number, self._target.read(NODE), full=full))

    def _masked(self, number: int, content: bytes, *, full: bool) -> bytes:
        """Encrypt or decrypt a parked branch: no counter block serves twice, be it parked once or twice."""
        start = (2 * number + full) << 64
        return Cipher(AES(self._parking_key), CTR(start.to_bytes(16, "big"))).encryptor().update(content)


def _fill(source: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end: a pipe gives what it has."""
    content = b""
    while len(content) < size and (piece := source.read(size - len(content))):
        content += piece
    return content
