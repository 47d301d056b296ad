"""What one layer changes: its entries, free of everything that engines understand differently, and what it removes."""

from dataclasses import dataclass, field

from caisson.errors import ImageRejected
from caisson.oci.layer import Layer
from caisson.oci.limits import DEFAULT, Limits
from caisson.oci.tar import Entry, Kind, climbs_out, parents

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_IGNORED = frozenset({".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk"})  # AUFS's own bookkeeping


@dataclass(slots=True)
class Changes:
    """One layer, read: `entries` by path in the archive's order, `removed` paths, directories emptied by `opaque`.

    `late` are directories that came behind what is below them.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)


def read_changes(layer: Layer, *, limits: Limits = DEFAULT) -> Changes:
    """Read a layer (OCI image-spec, layer.md).

    Raises:
        ImageRejected: a path or link that leaves the root, an entry that occurs twice or lies below something that is
            removed or no directory, a hard link to nothing, a whiteout that contradicts an entry or is one of the root,
            or too many entries.
    """
    changes = Changes()
    above: set[str] = set()
    size = 0
    for number, entry in enumerate(layer.outline().entries(layer.archive)):
        size += entry.size
        if number >= limits.entries:
            raise ImageRejected(f"layer has more than {limits.entries} entries")
        if size > limits.layer_size:  # holes take no place in the archive, but whoever reads them reads them all
            raise ImageRejected(f"layer has files of more than {limits.layer_size} bytes")
        name = entry.path.rpartition("/")[2]
        if not _IGNORED.isdisjoint(entry.path.split("/")):
            continue
        if name.startswith(_WHITEOUT):
            _remove(changes, entry.path, name)
        else:
            if entry.path in above and entry.path not in changes.entries:
                changes.late.add(entry.path)
            _add(changes, entry)
        directory = entry.path.rpartition("/")[0]
        while directory and directory not in above:
            above.add(directory)
            directory = directory.rpartition("/")[0]
    for path in changes.entries.keys() | changes.removed | {f"{directory}/{_OPAQUE}" for directory in changes.opaque}:
        _require_directories(changes, path)
    if both := sorted(changes.removed & changes.entries.keys()):
        raise ImageRejected(f"layer both removes and adds `{both[0]}`")
    return changes


def _remove(changes: Changes, path: str, name: str) -> None:
    directory = path.removesuffix(name).rstrip("/")
    if name == _OPAQUE:
        if not directory:
            raise ImageRejected("layer empties the root, which only some engines do")
        changes.opaque.add(directory)
        return
    target = name.removeprefix(_WHITEOUT)
    if target in {"", ".", ".."} or target.startswith(_WHITEOUT):
        raise ImageRejected(f"layer has a whiteout of nothing: `{path}`")
    changes.removed.add(f"{directory}/{target}" if directory else target)


def _add(changes: Changes, entry: Entry) -> None:
    known = changes.entries.get(entry.path)
    if known is not None and not (known.kind is entry.kind is Kind.DIRECTORY):
        raise ImageRejected(f"layer has `{entry.path}` twice")
    if entry.path == "" and entry.kind is not Kind.DIRECTORY:
        raise ImageRejected("layer replaces the root by something that is no directory")
    if entry.kind is Kind.HARD_LINK:
        entry = _linked(changes, entry)
    if entry.kind is Kind.SYMBOLIC_LINK and climbs_out(entry.path, entry.link):
        raise ImageRejected(f"symbolic link `{entry.path}` leaves the image: `{entry.link[:200]}`")
    changes.entries[entry.path] = entry


def _linked(changes: Changes, entry: Entry) -> Entry:
    """Give the file under its other name; a link may only name what stands before it in the same layer."""
    target = changes.entries.get(entry.link)
    if target is None or target.kind is Kind.DIRECTORY:
        raise ImageRejected(f"hard link `{entry.path}` names nothing that the layer holds: `{entry.link[:200]}`")
    return Entry(
        path=entry.path,
        kind=target.kind,
        mode=target.mode,
        uid=target.uid,
        gid=target.gid,
        mtime=target.mtime,
        link=target.link,
        content=target.content,
        size=target.size,
        device=target.device,
        xattrs=target.xattrs,
    )


def _require_directories(changes: Changes, path: str) -> None:
    """Refuse what lies below a file, a link or a whiteout of the same layer: engines follow it, replace it, or fail."""
    for parent in parents(path):
        above = changes.entries.get(parent)
        if above is not None and above.kind is not Kind.DIRECTORY:
            raise ImageRejected(f"layer has `{path}` below `{parent}`, which is no directory")
        if parent in changes.removed:
            raise ImageRejected(f"layer has `{path}` below `{parent}`, which it removes")
