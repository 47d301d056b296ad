"""Text files of `Field: value` paragraphs: what dpkg, apk and Python packages describe themselves with."""

from collections.abc import Iterator


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Give each paragraph's fields, as they come; lines that continue a field, or are none, are left out.

    The first of several fields with one name counts, as in dpkg's own files no name occurs twice.
    """
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            if fields:
                yield fields
            fields = {}
        elif not line[0].isspace():
            name, colon, value = line.partition(":")
            if colon:
                fields.setdefault(name, value.strip())
    if fields:
        yield fields
