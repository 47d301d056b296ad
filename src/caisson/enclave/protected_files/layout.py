"""The layout of Gramine's encrypted files: a metadata node, and a tree of nodes of 4 KiB each.

Source: Gramine 1.9, common/src/protected_files/protected_files_format.h and protected_files.c.

Each node is encrypted under a key of its own (AES-128-GCM, nonce zero, used once); key and tag stand in its parent.
The metadata node holds the first 3,072 bytes, the size, the file's path, and key and tag of the tree's root. Its own
key is derived from the file's key. Nodes of the tree (*branches*) hold 96 data nodes, which follow them, and 32
branches.
"""

import hmac
import posixpath
import struct
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from caisson.errors import FileRejected, UsageError

NODE = 4096
KEY = 16
TAG = 16
NONCE = 32
DATA_CHILDREN = 96
BRANCH_CHILDREN = 32
HEAD_DATA = 3072  # bytes of content in the metadata node
MOST_PATH = 771  # bytes, without the final NUL
VERSION = 2

_MAGIC = b"GRAFS_PF"
_LABEL = b"SGX-PROTECTED-FS-METADATA-KEY"
_PLAIN = struct.Struct(
    "<8sBB32s16s"
)  # magic, major and minor version, nonce, tag; version 2 has a byte of flags behind
_SECRET = struct.Struct(f"<{MOST_PATH + 1}sQ16s16s{HEAD_DATA}s")
_KDF = struct.Struct("<I64s32sI")
_PENDING = 1
_ZERO = bytes(12)


class FileKey:
    """The key of encrypted files, 16 bytes; never shown.

    Raises:
        UsageError: another length.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY:
            raise UsageError(
                f"a file key has {KEY} raw bytes, not {len(raw)}",
                hint="name a file with the raw key, not with its hexadecimal digits",
            )
        self._raw = raw

    def __repr__(self) -> str:
        return "FileKey(…)"

    def seed(self, context: bytes) -> bytes:
        """Derive 32 bytes for a purpose that `context` names (HMAC-SHA-256)."""
        return hmac.digest(self._raw, context, "sha256")

    def metadata_key(self, nonce: bytes) -> bytes:
        """Derive the key of a metadata node (NIST SP 800-108, counter mode, AES-CMAC)."""
        mac = CMAC(AES(self._raw))
        mac.update(_KDF.pack(1, _LABEL, nonce, KEY * 8))
        return mac.finalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What opens a node: its key and its tag."""

    key: bytes
    tag: bytes


def normal_path(path: str) -> str:
    """Give a path as Gramine writes it before it compares: without `.`, `..` and doubled slashes, as far as it can.

    Source: Gramine 1.9, common/src/path_utils.c.

    Raises:
        UsageError: nothing is left of it, it has a NUL, no form in UTF-8, or more than 771 bytes.
    """
    normal = posixpath.normpath(path)
    normal = normal[1:] if normal.startswith("//") else normal
    raw = normal.encode(errors="replace")
    if normal == "." or "\0" in normal or len(raw) > MOST_PATH or raw != normal.encode(errors="surrogatepass"):
        raise UsageError(f"a path of an encrypted file is text of 1 to {MOST_PATH} bytes")
    return normal


def seal(key: bytes, content: bytes) -> tuple[bytes, bytes]:
    """Encrypt under a key that is used once; give the bytes and their tag."""
    sealed = AESGCM(key).encrypt(_ZERO, content, None)
    return sealed[:-TAG], sealed[-TAG:]


def unseal(by: Sealed, content: bytes, what: str) -> bytes:
    """Decrypt a node.

    Raises:
        FileRejected: it is not what was encrypted.
    """
    try:
        return AESGCM(by.key).decrypt(_ZERO, content + by.tag, None)
    except InvalidTag as cause:
        raise FileRejected(f"encrypted file: {what} was changed, or is not this file's") from cause


def data_place(number: int) -> int:
    """Give the physical number of a data node."""
    return number + 2 + number // DATA_CHILDREN


def branch_place(number: int) -> int:
    """Give the physical number of a branch; 0 is the root."""
    return 1 + number * (1 + DATA_CHILDREN)


def nodes_for(size: int) -> int:
    """Give how many nodes a file with `size` bytes of content has."""
    return 1 if size <= HEAD_DATA else data_place((size - HEAD_DATA - 1) // NODE) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The part of the metadata node that everyone can read."""

    version: int
    nonce: bytes
    tag: bytes

    @classmethod
    def parse(cls, node: bytes) -> tuple[Self, bytes]:
        """Read a metadata node; give the header and the encrypted part.

        Raises:
            FileRejected: not an encrypted file of Gramine's, of another version, or with a write that was cut off.
        """
        if len(node) < NODE or not node.startswith(_MAGIC):
            raise FileRejected("no encrypted file of Gramine's: it does not begin as one")
        _, major, minor, nonce, tag = _PLAIN.unpack_from(node)
        if major not in (1, VERSION) or minor != 0:
            raise FileRejected(f"encrypted file has version {major}.{minor}, which is not known")
        start = _PLAIN.size + (major == VERSION)
        if major == VERSION and node[_PLAIN.size]:
            cut_off = node[_PLAIN.size] == _PENDING
            raise FileRejected(
                "encrypted file has a write that was cut off" if cut_off else "encrypted file has unknown flags",
                hint="let Gramine recover it (`enable_recovery`)" if cut_off else None,
            )
        if any(node[start + _SECRET.size :]):
            raise FileRejected("encrypted file has something where nothing belongs, behind its metadata")
        return cls(version=major, nonce=nonce, tag=tag), node[start : start + _SECRET.size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The part of the metadata node that only the key opens."""

    path: str
    size: int
    root: Sealed
    head: bytes

    @classmethod
    def parse(cls, node: bytes, key: FileKey) -> Self:
        """Open a metadata node.

        Raises:
            FileRejected: another key, or changed bytes.
        """
        header, secret = Header.parse(node)
        try:
            opened = AESGCM(key.metadata_key(header.nonce)).decrypt(_ZERO, secret + header.tag, None)
        except InvalidTag as cause:
            raise FileRejected(
                "encrypted file does not open: it has another key, or its metadata was changed",
                hint="is it the key that the file was encrypted with?",
            ) from cause
        path, size, root_key, root_tag, head = _SECRET.unpack(opened)
        try:
            name = path.partition(b"\0")[0].decode()
        except UnicodeDecodeError as cause:
            raise FileRejected("encrypted file has a path that is not UTF-8") from cause
        return cls(path=name, size=size, root=Sealed(key=root_key, tag=root_tag), head=head)

    def encode(self, key: FileKey, nonce: bytes) -> bytes:
        """Write a metadata node."""
        secret = _SECRET.pack(self.path.encode(), self.size, self.root.key, self.root.tag, self.head)
        sealed, tag = seal(key.metadata_key(nonce), secret)
        return (_PLAIN.pack(_MAGIC, VERSION, 0, nonce, tag) + b"\0" + sealed).ljust(NODE, b"\0")


class Branch:
    """A node of the tree, in the clear: what opens its data nodes and its branches."""

    def __init__(self, raw: bytes = bytes(NODE)) -> None:
        self.raw = bytearray(raw)

    def data(self, number: int) -> Sealed:
        """Give what opens a data node, by its number in the file."""
        return self._get(number % DATA_CHILDREN)

    def branch(self, number: int) -> Sealed:
        """Give what opens a branch below, by its number in the file."""
        return self._get(DATA_CHILDREN + (number - 1) % BRANCH_CHILDREN)

    def put_data(self, number: int, sealed: Sealed) -> None:
        """Set what opens a data node."""
        self._put(number % DATA_CHILDREN, sealed)

    def put_branch(self, number: int, sealed: Sealed) -> None:
        """Set what opens a branch below."""
        self._put(DATA_CHILDREN + (number - 1) % BRANCH_CHILDREN, sealed)

    def _get(self, place: int) -> Sealed:
        at = place * (KEY + TAG)
        return Sealed(key=bytes(self.raw[at : at + KEY]), tag=bytes(self.raw[at + KEY : at + KEY + TAG]))

    def _put(self, place: int, sealed: Sealed) -> None:
        at = place * (KEY + TAG)
        self.raw[at : at + KEY + TAG] = sealed.key + sealed.tag
