"""The files of an image as a container sees them: all layers applied, links followed inside the root."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Self

from caisson.errors import ImageRejected
from caisson.oci.changes import Changes, read_changes
from caisson.oci.image import Image
from caisson.oci.limits import DEFAULT, Limits
from caisson.oci.region import Region
from caisson.oci.tar import Entry, Kind, parents

_MAX_LINKS = 40  # as Linux: path_resolution(7)


@dataclass(slots=True)
class _Node:
    entry: Entry
    children: dict[str, "_Node"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something in the image: its path without any link in it, beginning with `/`, and what it is."""

    path: str
    entry: Entry

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.entry.kind is Kind.DIRECTORY

    @property
    def content(self) -> Region | None:
        """Where a regular file's bytes lie; None for everything else."""
        return self.entry.content


class FileSystem:
    """A read-only view. Paths are absolute, or relative to the root; `..` above the root stays there."""

    def __init__(self) -> None:
        self._root = _Node(Entry(path="", kind=Kind.DIRECTORY))

    @classmethod
    def of(cls, image: Image, *, limits: Limits = DEFAULT) -> Self:
        """Apply an image's layers from the bottom up; they are unpacked at the same time.

        Raises:
            ImageRejected: a layer is not what it claims to be, or could be understood in two ways.
        """
        view = cls()
        left = limits.entries
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            unpacking = [pool.submit(layer.outline) for layer in image.layers]
            for number, layer in enumerate(image.layers):
                try:
                    unpacking[number].result()
                    changes = read_changes(layer, limits=replace(limits, entries=left))
                    left -= len(changes.entries) + len(changes.removed)
                    view._apply(changes)
                except ImageRejected as error:
                    pool.shutdown(cancel_futures=True)
                    raise ImageRejected(f"layer {number + 1}: {error.message}", hint=error.hint) from error
        return view

    def find(self, path: str, *, at: str = "/", follow: bool = True) -> Found | None:
        """Look a path up, from the directory `at` if it is relative; None if there is nothing, or links go in circles.

        Without `follow`, a link in the last segment is found itself.
        """
        node, names = self._root, list[str]()
        trail: list[_Node] = []
        pending = [*reversed(path.split("/"))] + ([] if path.startswith("/") else [*reversed(at.split("/"))])
        links = 0
        while pending:
            segment = pending.pop()
            if segment in {"", "."}:
                continue
            if node.entry.kind is not Kind.DIRECTORY:
                return None
            if segment == "..":
                if trail:
                    node = trail.pop()
                    names.pop()
                continue
            child = node.children.get(segment)
            if child is None:
                return None
            if child.entry.kind is Kind.SYMBOLIC_LINK and (follow or pending):
                links += 1
                if links > _MAX_LINKS:
                    return None
                if child.entry.link.startswith("/"):
                    node, names, trail = self._root, [], []
                pending += reversed(child.entry.link.split("/"))
                continue
            trail.append(node)
            names.append(segment)
            node = child
        return Found(path="/" + "/".join(names), entry=node.entry)

    def walk(self, path: str = "/") -> Iterator[Found]:
        """Give everything below a directory, sorted, without following links; nothing if there is no such directory."""
        top = self.find(path)
        if top is None or not top.is_directory:
            return
        stack = [(top.path.rstrip("/"), self._node(top.path))]
        while stack:
            above, node = stack.pop()
            if above != top.path.rstrip("/"):
                yield Found(path=above, entry=node.entry)
            stack += [(f"{above}/{name}", node.children[name]) for name in sorted(node.children, reverse=True)]

    def children(self, path: str) -> tuple[str, ...]:
        """Give the sorted names in a directory; none if there is no such directory."""
        found = self.find(path)
        return tuple(sorted(self._node(found.path).children)) if found is not None else ()

    def _node(self, path: str) -> _Node:
        node = self._root
        for name in path.split("/"):
            if name:
                node = node.children[name]
        return node

    def _apply(self, changes: Changes) -> None:
        emptied = [self._holding(path, changes) for path in changes.opaque]
        split = (path.rpartition("/") for path in changes.removed)
        losing = [(self._holding(above, changes), name) for above, _, name in split]
        for node in emptied:
            if node is not None:
                node.children.clear()
        for node, name in losing:
            if node is not None:
                node.children.pop(name, None)
        for path in sorted(changes.entries):  # directories come before what lies in them
            self._put(path, changes.entries[path], late=path in changes.late)

    def _holding(self, path: str, changes: Changes) -> _Node | None:
        """Give the directory that a whiteout is about; None if the layers below do not have it."""
        node = self._root
        for above in (*parents(path), path) if path else ():
            child = node.children.get(above.rpartition("/")[2])
            if child is None:
                return None
            if child.entry.kind is not Kind.DIRECTORY:
                if above in changes.entries and above not in changes.late:
                    return None  # the layer puts a directory in its place
                raise ImageRejected(f"a whiteout lies below `{above}`, which is no directory in the layers below")
            node = child
        return node

    def _put(self, path: str, entry: Entry, *, late: bool) -> None:
        if not path:
            self._root.entry = entry
            return
        node = self._root
        for above in parents(path):
            name = above.rpartition("/")[2]
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = _Node(Entry(path=above, kind=Kind.DIRECTORY))
            elif child.entry.kind is not Kind.DIRECTORY:
                raise ImageRejected(f"`{path}` lies below `{above}`, which is no directory in the layers below")
            node = child
        name = path.rpartition("/")[2]
        old = node.children.get(name)
        if old is not None and old.entry.kind is entry.kind is Kind.DIRECTORY:
            old.entry = entry
        elif old is not None and late:
            raise ImageRejected(f"what lies below `{path}` comes before it, which is no directory in the layers below")
        else:
            node.children[name] = _Node(entry)
