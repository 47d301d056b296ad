"""DICE tagged evidence: the X.509 extension whose value is a CBOR item that is tagged with its format.

Source: TCG DICE Attestation Architecture, "TaggedEvidence" (OID 2.23.133.5.4.9); RFC 8949.
"""

from typing import Any

import cbor2

from caisson.errors import Malformed

OID = "2.23.133.5.4.9"
NO_EVIDENCE = "a confidential container shows it on its own TLS port; whatever ends TLS in front of it does not"

_MOST_DEPTH = 4
_UNREADABLE = (cbor2.CBORError, ValueError, TypeError, OverflowError, ArithmeticError)


def read_item(raw: bytes, *, what: str) -> Any:
    """Read one CBOR item in its one spelling: definite lengths, shortest numbers, no member twice, nothing after it.

    Raises:
        Malformed: anything else.
    """
    try:
        item = cbor2.loads(
            raw,
            max_depth=_MOST_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
            immutable=True,
        )
        spelled = cbor2.dumps(item)
    except _UNREADABLE as cause:
        raise Malformed(f"{what} is not CBOR") from cause
    # What another spelling hides would be read by some, and covered by nobody's signature.
    if spelled != raw:
        raise Malformed(f"{what} is not in its one spelling")
    return item


def read_tagged(raw: bytes, *, tag: int, what: str, parts: str) -> tuple[bytes, bytes]:
    """Read two byte strings under a tag; `parts` names them in messages.

    Raises:
        Malformed: another item.
    """
    item = read_item(raw, what=what)
    if not isinstance(item, cbor2.CBORTag) or item.tag != tag:
        raise Malformed(f"{what} is not of the kind {tag}")
    value = item.value
    if not (isinstance(value, tuple) and [type(part) for part in value] == [bytes, bytes]):
        raise Malformed(f"{what} is not {parts}")
    return value[0], value[1]


def tag_of(raw: bytes) -> int | None:
    """Give the tag at the front of an item; none if there is none. Nothing else is looked at."""
    first = raw[:1]
    sizes = {b"\xd8": 1, b"\xd9": 2, b"\xda": 4, b"\xdb": 8}
    if first in sizes and len(raw) > sizes[first]:
        return int.from_bytes(raw[1 : 1 + sizes[first]], "big")
    return None


def write_tagged(tag: int, first: bytes, second: bytes) -> bytes:
    """Give two byte strings under a tag."""
    return cbor2.dumps(cbor2.CBORTag(tag, [first, second]))
