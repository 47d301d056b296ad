"""A second reader and writer of Gramine's encrypted files, with none of the product's code: small and slow."""

import os
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

ZERO = bytes(12)


def metadata_key(key, nonce):
    mac = CMAC(AES(key))
    mac.update(
        struct.pack("<I", 1) + b"SGX-PROTECTED-FS-METADATA-KEY".ljust(64, b"\0") + nonce + struct.pack("<I", 128)
    )
    return mac.finalize()


def read(raw, key, *, header=59):
    nonce, tag = raw[10:42], raw[42:58]
    opened = AESGCM(metadata_key(key, nonce)).decrypt(ZERO, raw[header : header + 3884] + tag, None)
    path = opened[:772].split(b"\0")[0].decode()
    size = int.from_bytes(opened[772:780], "little")
    content = opened[812:]

    def node(place, entry):
        return AESGCM(entry[:16]).decrypt(ZERO, raw[place * 4096 : (place + 1) * 4096] + entry[16:], None)

    branches = {}
    for number in range(-(-(size - 3072) // 4096) if size > 3072 else 0):
        branch = number // 96
        if branch not in branches:
            above = (branch - 1) // 32
            at = 3072 + 32 * ((branch - 1) % 32)
            entry = branches[above][at : at + 32] if branch else opened[780:812]
            branches[branch] = node(1 + 97 * branch, entry)
        at = 32 * (number % 96)
        content += node(2 + number + branch, branches[branch][at : at + 32])
    return path, content[:size]


def write(content, key, path):
    blocks = [content[at : at + 4096].ljust(4096, b"\0") for at in range(3072, len(content), 4096)]
    groups = [blocks[at : at + 96] for at in range(0, len(blocks), 96)]
    sealed, entries, nodes = {}, {}, {}

    def seal(place, plain):
        own = os.urandom(16)
        done = AESGCM(own).encrypt(ZERO, plain, None)
        sealed[place] = done[:-16]
        return own + done[-16:]

    for number in reversed(range(len(groups))):
        data = [seal(2 + 97 * number + at, block) for at, block in enumerate(groups[number])]
        below = b"".join(entries.get(32 * number + 1 + at, bytes(32)) for at in range(32))
        nodes[number] = b"".join(data).ljust(3072, b"\0") + below
        entries[number] = seal(1 + 97 * number, nodes[number])
    nonce = os.urandom(32)
    secret = (
        path.encode().ljust(772, b"\0")
        + struct.pack("<Q", len(content))
        + entries.get(0, bytes(32))
        + content[:3072].ljust(3072, b"\0")
    )
    done = AESGCM(metadata_key(key, nonce)).encrypt(ZERO, secret, None)
    head = b"GRAFS_PF\2\0" + nonce + done[-16:] + b"\0" + done[:-16]
    return head.ljust(4096, b"\0") + b"".join(sealed[place] for place in sorted(sealed))
