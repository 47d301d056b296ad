"""A small image, a recipe for it, and what is made of them."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from caisson.conversion import Recipe, convert
from caisson.enclave import SigningKey
from caisson.oci import FileLayer, Image, ImageConfig, RunConfig, append, tar

RECIPE = """
version = 1
name = "hello"
summary = "says hello"
volumes = ["/data"]
ports = [8080]

[application]
passthrough = ["TZ"]

[enclave]
size = "32M"
max_threads = 4
isv_prod_id = 7
isv_svn = 3

[files]
trusted = ["/srv"]

[[file]]
path = "/etc/hello/hello.conf"
mode = "440"
content = "greeting = hello"
"""


def elf(*, interpreter: str = "", needed: tuple[str, ...] = (), runpath: str = "", content: bytes = b"") -> bytes:
    """A program with one page to load, and the dynamic section that was asked for."""
    strings = b"\0" + b"".join(text.encode() + b"\0" for text in (*needed, runpath, interpreter))
    offsets, position = {}, 1
    for text in (*needed, runpath, interpreter):
        offsets[text], position = position, position + len(text) + 1
    headers = 1 + bool(needed or runpath) + bool(interpreter)
    start = 64 + 56 * headers
    tags = [(1, offsets[name]) for name in needed] + ([(29, offsets[runpath])] if runpath else [])
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in [*tags, (5, start), (0, 0)])
    body = strings + dynamic + content
    size = start + len(body)
    table = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 4096)
    if needed or runpath:
        where = start + len(strings)
        table += struct.pack("<IIQQQQQQ", 2, 4, where, where, where, len(dynamic), len(dynamic), 8)
    if interpreter:
        where = start + offsets[interpreter]
        table += struct.pack("<IIQQQQQQ", 3, 4, where, where, where, len(interpreter) + 1, len(interpreter) + 1, 1)
    header = struct.pack(
        "<4s5B7xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 3, 62, 1, start, 64, 0, 0, 64, 56, headers, 0, 0, 0
    )
    return header + table + body


PREMAIN = elf(content=b"this is premain")
FILES = {
    "usr/bin/hello": elf(interpreter="/lib/ld.so", needed=("libgreet.so",), content=b"hello"),
    "usr/lib/ld.so": elf(content=b"loader"),
    "usr/lib/libgreet.so": elf(content=b"greet"),
    "usr/bin/other": elf(content=b"other"),
    "srv/page": b"a page",
    "etc/passwd": b"root:x:0:0::/:/bin/sh\nhello:x:70:71::/:/bin/sh\n",
}
RUN = RunConfig(
    entrypoint=("hello",),
    cmd=("--loud", "/etc/hello/hello.conf"),
    env=("PATH=/usr/bin", "LANG=C"),
    user="hello",
    working_dir="/srv",
    stop_signal="SIGINT",
    labels={"maintainer": "nobody"},
)


class Workbench:
    """Makes plain images, converts them, and changes single files of images."""

    files, recipe, premain = FILES, RECIPE, PREMAIN

    def __init__(self, scratch: Path, key: SigningKey) -> None:
        self.scratch = scratch
        self.key = key

    def layer(self, files: dict[str, bytes], extra: tuple[tar.Entry, ...] = (), mode: int = 0o755) -> FileLayer:
        pieces = [tar.member(entry) for entry in extra]
        for path, content in files.items():
            entry = tar.Entry(path=path, kind=tar.Kind.FILE, mode=mode, size=len(content))
            pieces += [tar.member(entry), content, tar.padding(len(content))]
        return FileLayer.pack([*pieces, tar.end()], scratch=self.scratch)

    def plain(self, files: dict[str, bytes] = FILES, mode: int = 0o755, **run: object) -> Image:
        links = (
            tar.Entry(path="lib", kind=tar.Kind.SYMBOLIC_LINK, link="usr/lib"),
            tar.Entry(path="etc", kind=tar.Kind.DIRECTORY, mode=0o751, uid=5),
            tar.Entry(path="var/run", kind=tar.Kind.SYMBOLIC_LINK, link="/run"),
            tar.Entry(path="run", kind=tar.Kind.DIRECTORY),
        )
        image = Image.build(ImageConfig(run=replace(RUN, **run)), ())
        return append(image, self.layer(files, links, mode), created_by="test")

    def convert(self, image: Image | None = None, recipe: str = RECIPE, **options: object):
        defaults = {"signer": self.key, "premain": PREMAIN, "scratch": self.scratch}
        return convert(image or self.plain(), Recipe.parse(recipe.encode()), **{**defaults, **options})

    def changed(self, image: Image, path: str, content: bytes) -> Image:
        return append(image, self.layer({path.removeprefix("/"): content}), created_by="an attacker")


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def bench(tmp_path: Path, key: SigningKey) -> Workbench:
    return Workbench(tmp_path, key)


@pytest.fixture(name="elf")
def elf_maker():
    return elf
