"""The closure on this machine's own programs, and on made-up trees."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from caisson.conversion import closure
from caisson.errors import ImageRejected, UsageError


class Tree:
    """Files in memory, with links."""

    def __init__(self, files=None, links=None):
        self.files = files or {}
        self.links = links or {}

    def resolve(self, path):
        path = os.path.normpath(self.links.get(path, path))
        return path if path in self.files else None

    def read_at(self, path, offset, size):
        return self.files[path][offset : offset + size]

    def list_directory(self, path):
        below = [name.removeprefix(f"{path}/") for name in self.files if name.startswith(f"{path}/")]
        return tuple(sorted({name.split("/")[0] for name in below}))


class Machine:
    """This machine's file system."""

    def resolve(self, path):
        real = Path(path).resolve()
        return str(real) if real.is_file() else None

    def read_at(self, path, offset, size):
        with Path(path).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def list_directory(self, path):
        return tuple(sorted(item.name for item in Path(path).iterdir())) if Path(path).is_dir() else ()


@pytest.mark.parametrize("program", ["/bin/sh", "/usr/bin/git", sys.executable])
def test_it_finds_what_the_dynamic_loader_finds(program):
    real = str(Path(program).resolve())
    listed = subprocess.run(["ldd", real], capture_output=True, text=True, check=True).stdout
    paths = {word for line in listed.splitlines() for word in line.split() if word.startswith("/")}
    always = {path for path in ("/etc/ld.so.cache", "/etc/ld.so.preload") if Path(path).exists()}
    assert closure(real, Machine()) == {str(Path(path).resolve()) for path in paths} | {real} | always


def test_a_script_counts_with_its_interpreter():
    tree = Tree({"/app/run": b"#!/bin/interp -x\n", "/bin/interp": b"static"})
    assert closure("/app/run", tree) == {"/app/run", "/bin/interp"}


def test_a_missing_library_is_named_with_who_needs_it(tmp_path):
    source = tmp_path / "a.c"
    source.write_text("int f(void){return 1;}")
    subprocess.run(["gcc", "-shared", "-o", tmp_path / "libgone.so", source, "-Wl,-soname,libgone.so"], check=True)
    (tmp_path / "m.c").write_text("int f(void); int main(void){return f();}")
    program = tmp_path / "m"
    subprocess.run(["gcc", "-o", program, tmp_path / "m.c", f"-L{tmp_path}", "-lgone"], check=True)
    with pytest.raises(UsageError, match=r"needs the library `libgone\.so`"):
        closure(str(program), Machine())
    assert str(tmp_path / "libgone.so") in closure(str(program), Machine(), library_path=str(tmp_path))


def test_origin_in_a_runpath_is_the_programs_own_directory(tmp_path):
    (tmp_path / "a.c").write_text("int f(void){return 1;}")
    (tmp_path / "m.c").write_text("int f(void); int main(void){return f();}")
    (tmp_path / "lib").mkdir()
    library, program = tmp_path / "lib" / "libnear.so", tmp_path / "m"
    subprocess.run(["gcc", "-shared", "-o", library, tmp_path / "a.c"], check=True)
    command = ["gcc", "-o", program, tmp_path / "m.c", f"-L{library.parent}", "-lnear", "-Wl,-rpath,$ORIGIN/lib"]
    subprocess.run(command, check=True)
    assert str(library) in closure(str(program), Machine())


def test_a_missing_program_is_refused():
    with pytest.raises(UsageError, match="needs `/app`"):
        closure("/app", Tree())


def test_a_broken_elf_file_is_refused():
    with pytest.raises(ImageRejected, match="none"):
        closure("/app", Tree({"/app": b"\x7fELF" + b"\x02\x01\x01" + b"\xff" * 100}))


def test_a_script_behind_env_counts_with_the_program_that_env_looks_up():
    tree = Tree({"/run": b"#!/usr/bin/env -S interp -x\n", "/usr/bin/env": b"static", "/opt/bin/interp": b"static"})
    assert closure("/run", tree, path="/bin:/opt/bin") == {"/run", "/usr/bin/env", "/opt/bin/interp"}
    with pytest.raises(UsageError, match="`/run` needs `interp`"):
        closure("/run", tree, path="/bin:/usr/bin")


def test_a_script_without_an_interpreter_is_refused():
    with pytest.raises(UsageError, match="names no interpreter"):
        closure("/run", Tree({"/run": b"#!\n"}))


def test_variants_for_newer_processors_count_too(elf):
    """Which of them is loaded depends on the machine; each must be the measured one."""
    variant = "/usr/lib/glibc-hwcaps/x86-64-v3/liba.so"
    tree = Tree({"/app": elf(needed=("liba.so",)), "/usr/lib/liba.so": elf(), variant: elf()})
    assert closure("/app", tree) == {"/app", "/usr/lib/liba.so", variant}


def test_libraries_for_other_processors_are_passed_over(elf):
    foreign = bytearray(elf())
    foreign[4] = 1  # 32 bits
    tree = Tree({"/app": elf(needed=("liba.so",)), "/lib64/liba.so": bytes(foreign), "/usr/lib/liba.so": elf()})
    assert closure("/app", tree) == {"/app", "/usr/lib/liba.so"}


def test_what_is_loaded_into_every_program_counts(elf):
    tree = Tree(
        {
            "/app": elf(interpreter="/ld.so"),
            "/ld.so": elf(),
            "/etc/ld.so.preload": b"/opt/spy.so  # everywhere\n",
            "/opt/spy.so": elf(needed=("/opt/helper.so",)),
            "/opt/helper.so": elf(),
            "/etc/ld.so.cache": b"",
        }
    )
    assert closure("/app", tree) == set(tree.files)


def test_directories_of_the_configuration_are_searched(elf):
    tree = Tree(
        {
            "/app": elf(needed=("liba.so",)),
            "/etc/ld.so.conf.d/x.conf": b"# mine\n/opt/lib\n",
            "/opt/lib/liba.so": elf(needed=("libb.so",), runpath="$ORIGIN/../deep"),
            "/opt/deep/libb.so": elf(),
        }
    )
    tree.links = {"/opt/lib/../deep/libb.so": "/opt/deep/libb.so"}
    assert closure("/app", tree) == {"/app", "/opt/lib/liba.so", "/opt/deep/libb.so"}


MUSL = "/lib/ld-musl-x86_64.so.1"


def test_musl_answers_for_its_own_libraries_itself(elf):
    needed = ("libc.so", "libc.musl-x86_64.so.1", "libpthread.so.0", "libm.so.6", "libz.so.1")
    tree = Tree({"/app/run": elf(interpreter=MUSL, needed=needed), MUSL: elf(), "/lib/libz.so.1": elf()})
    assert closure("/app/run", tree) == {"/app/run", MUSL, "/lib/libz.so.1"}
    with pytest.raises(UsageError, match="libcrypt"):
        closure("/app/run", Tree({**tree.files, "/lib/libz.so.1": elf(needed=("libcrypt.so",))}))


def test_musl_looks_where_musl_looks(elf):
    program = elf(interpreter=MUSL, needed=("liba.so",), runpath="/app/lib")
    files = {
        "/app/run": program,
        MUSL: elf(),
        "/app/lib/liba.so": elf(needed=("libb.so",)),
        "/app/lib/libb.so": elf(content=b"found by the program's RUNPATH, which glibc does not pass on"),
        "/usr/local/lib/libc++.so": elf(),
        "/usr/lib/libc++.so": elf(),
        "/lib/x86_64-linux-gnu/libd.so": elf(),
    }
    assert closure("/app/run", Tree(files)) == {"/app/run", MUSL, "/app/lib/liba.so", "/app/lib/libb.so"}
    first = {**files, "/app/lib/libb.so": elf(needed=("libc++.so",))}
    assert "/usr/local/lib/libc++.so" in closure("/app/run", Tree(first))
    with pytest.raises(UsageError, match="libd"):
        closure("/app/run", Tree({**files, "/app/lib/libb.so": elf(needed=("libd.so",))}))
    configured = {**files, "/etc/ld-musl-x86_64.path": b"/usr/lib\n", "/app/lib/libb.so": elf(needed=("libc++.so",))}
    assert "/usr/lib/libc++.so" in closure("/app/run", Tree(configured))
