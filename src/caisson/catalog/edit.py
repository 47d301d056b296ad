"""Changes to a recipe's file that keep its comments, its order and everything else that its author wrote."""

import re

import tomlkit

from caisson.errors import UsageError

_HEAD = re.compile(r"(?:^#.*\n)*^\[\[?(?P<name>[^\[\]\n]+)\]", re.MULTILINE)
_OTHERS = frozenset(
    {"source.debian", "source.build", *(f"source.image.{name}" for name in ("application", "files", "healthcheck"))}
)


def upstream_reference(raw: bytes) -> str:
    """Give the upstream image that a recipe names.

    Raises:
        UsageError: it names none.
    """
    return str(_open(raw)[1]["reference"])


def pinned(raw: bytes, reference: str) -> bytes:
    """Give a recipe whose upstream image is `reference`.

    Raises:
        UsageError: the recipe names no upstream image.
    """
    document, image = _open(raw)
    image["reference"] = reference
    return tomlkit.dumps(document).encode()


def upstream_only(raw: bytes) -> bytes:
    """Give a recipe that knows only its upstream image: what is different there has become its own.

    Raises:
        UsageError: the recipe names no upstream image.
    """
    _, image = _open(raw)
    document = tomlkit.parse(_without(raw.decode(), _OTHERS))
    for name in ("application", "files"):
        different = image.get(name, {})
        if different and name not in document:
            document.add(name, tomlkit.table())
        for key, value in different.items():
            document[name][key] = value
    if "healthcheck" in image:
        document["healthcheck"] = image["healthcheck"].unwrap()
    return tomlkit.dumps(document).encode()


def _without(text: str, tables: frozenset[str]) -> str:
    """Give a file without some of its tables and the comments right above them."""
    heads = [*_HEAD.finditer(text)]
    ends = [*(head.start() for head in heads[1:]), len(text)]
    kept = [text[head.start() : end] for head, end in zip(heads, ends, strict=True) if head["name"] not in tables]
    return text[: heads[0].start()] + "".join(kept)


def _open(raw: bytes) -> tuple[tomlkit.TOMLDocument, tomlkit.items.Table]:
    document = tomlkit.parse(raw.decode())
    image = document.get("source", {}).get("image")
    if image is None:
        raise UsageError("the recipe names no upstream image", hint="add `[source.image]` with its `reference`")
    return document, image
