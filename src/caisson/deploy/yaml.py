"""YAML as every reader takes it: no anchors, no tags, and strings quoted that could be taken for something else."""

from typing import Any

import yaml

_WIDTH = 1 << 16  # no line is broken


class _Dumper(yaml.SafeDumper):
    """Writes the same list in full wherever it stands, and lists indented as people write them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)


def encode(document: dict[str, Any], *, comment: str) -> str:
    """Write one document below a comment, members in the order they have; the same document gives the same text."""
    head = comment_lines(comment)
    text = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=_WIDTH, allow_unicode=True
    )
    return f"{head}{text}"


def comment_lines(text: str) -> str:
    """Write text as comments, line by line."""
    return "".join(f"# {line}\n" for line in text.splitlines())
