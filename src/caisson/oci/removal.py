"""Taking files out of an image for good: out of every layer that ever had them, not just out of sight."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from caisson.errors import ImageRejected
from caisson.oci.image import Image
from caisson.oci.layer import Layer
from caisson.oci.packed import PackedLayer
from caisson.oci.region import Region
from caisson.oci.tar import Entry, Kind, end, member, padding, read_archive

_LEAST = 16  # bytes: shorter files are alike by chance

Contents = Mapping[tuple[int, str], str]


class Removal:
    """What is taken out: `paths` (absolute, free of links) with all that lies below them, whatever layer has it.

    `contents` are other files whose content may be nowhere either: where they come from, by size and SHA-256.
    """

    def __init__(self, paths: frozenset[str], contents: Contents | None = None) -> None:
        self._names = frozenset(path.strip("/") for path in paths)
        self._contents = dict(contents or {})

    def of(self, image: Image, *, scratch: Path) -> Image:
        """Give an image without them. Layers that never had them stay as they are; others are written anew.

        Raises:
            ImageRejected: another path has the same content, as another name of the same file or as a copy.
        """
        kept: list[tuple[Layer, list[Entry], bool]] = []
        for layer in image.layers:
            entries = list(read_archive(layer.archive()))
            stay = [entry for entry in entries if not self._covers(entry)]
            self._remember(entries)
            kept.append((layer, stay, len(stay) == len(entries)))
        for _, stay, _ in kept:
            self._require_no_copy(stay)
        layers = tuple(
            layer if whole else PackedLayer.pack(_archive(stay), scratch=scratch) for layer, stay, whole in kept
        )
        return Image.build(image.config, layers)

    def _covers(self, entry: Entry) -> bool:
        path = entry.path
        above, _, name = path.rpartition("/")
        removed = f"{above}/{name.removeprefix('.wh.')}".strip("/")  # whiteouts tell names
        if entry.kind is Kind.DIRECTORY and path in self._names:
            return False  # a directory's own name is in the recipe's mounts anyway, and what is mounted needs it
        return any(each == one or each.startswith(f"{one}/") for one in self._names for each in (path, removed))

    def _remember(self, entries: list[Entry]) -> None:
        """Note what one layer has of them; a hard link is another name of what stands before it in the same layer."""
        contents: dict[str, Region | None] = {}
        for entry in entries:
            content = contents.get(entry.link) if entry.kind is Kind.HARD_LINK else entry.content
            contents[entry.path] = content
            if content is not None and self._covers(entry):
                self._contents.setdefault(fingerprint(content), f"/{entry.path}")

    def _require_no_copy(self, entries: list[Entry]) -> None:
        sizes = {size for size, _ in self._contents}
        for entry in entries:
            content = entry.content
            if entry.kind is Kind.HARD_LINK and self._covers(Entry(path=entry.link, kind=Kind.FILE)):
                raise _copied(entry, f"/{entry.link}")
            if content is None or content.size < _LEAST or content.size not in sizes:
                continue
            if (source := self._contents.get(fingerprint(content))) is not None:
                raise _copied(entry, source)


def fingerprint(content: Region) -> tuple[int, str]:
    """Give size and SHA-256 of a content."""
    return content.size, content.digest().hex


def _copied(entry: Entry, source: str) -> ImageRejected:
    return ImageRejected(
        f"the image has `/{entry.path}`, which is the same as `{source}`, and that must be nowhere in clear",
        hint="take it out of the image, or out of the layer that has it, or encrypt it, too",
    )


def _archive(entries: list[Entry]) -> Iterator[bytes]:
    for entry in entries:
        yield member(entry)
        if entry.content is not None:
            yield from entry.content.chunks()
            yield padding(entry.size)
    yield end()
