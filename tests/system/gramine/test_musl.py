"""A program of Alpine's kind - musl, apk's database, no glibc - under a Gramine that brings a patched musl."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from caisson.cli.app import run
from caisson.conversion.runtime import HostFiles, find_release
from caisson.enclave import Libc
from caisson.errors import UsageError

pytestmark = pytest.mark.slow

LOADER = "ld-musl-x86_64.so.1"
RECIPE = """
version = 1
name = "gramine-musl"
summary = "a small program with a library and a thread"
tmpfs = ["/run/caisson", "/tmp"]

[application]
command = ["/usr/bin/hello", "from", "musl"]
working_dir = "/"
user = "1000:1000"

[enclave]
size = "256M"
max_threads = 16
isv_prod_id = 21
isv_svn = 1

[files]
trusted = ["/etc/alpine-release"]

[provision]
env = { PASSWORD = "{{ secret:musl-password }}" }

[[provision.secret]]
name = "musl-password"
kind = "password"
"""
LIBRARY = 'const char *greeting(void) { return "hello"; }\n'
PROGRAM = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
const char *greeting(void);
static void *work(void *words) { printf("%s %s %s\n", greeting(), ((char **)words)[1], ((char **)words)[2]); return 0; }
int main(int count, char **words) {
    pthread_t thread;
    char read[16] = "";
    FILE *page = fopen("/etc/alpine-release", "r");
    if (count != 3 || !page || !fgets(read, sizeof read, page) || pthread_create(&thread, 0, work, words)) return 1;
    pthread_join(thread, 0);
    printf("alpine %s", read);
    printf("uid %d, password of %zu letters\n", getuid(), strlen(getenv("PASSWORD")));
    printf("unlisted %s\n", fopen("/etc/unlisted", "r") ? "opened" : "refused");
}
"""
FILES = {
    "etc/alpine-release": "3.19.1\n",
    "etc/os-release": 'ID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME="Alpine Linux v3.19"\n',
    "etc/passwd": "root:x:0:0:root:/root:/bin/ash\nhello:x:1000:1000::/:/bin/ash\n",
    "etc/group": "root:x:0:\nhello:x:1000:\n",
    "etc/resolv.conf": "nameserver 127.0.0.1\n",  # which an engine would put there
    "etc/unlisted": "nobody listed this\n",
    "lib/apk/db/installed": "P:musl\nV:1.2.4_git20230717-r4\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\n\n",
}


@pytest.fixture(scope="module")
def musl():
    prefix = Path(os.environ.get("CAISSON_GRAMINE_MUSL", "/opt/gramine-musl"))
    if not (prefix / "bin" / "gramine-direct").exists():
        pytest.skip(
            f"no Gramine with musl at {prefix}: build it with `-Dlibc=musl`, and name it in CAISSON_GRAMINE_MUSL"
        )
    return find_release(HostFiles(), prefix=str(prefix), libc=Libc.MUSL)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A root file system as Alpine lays it out; Debian's musl is the same library."""
    if shutil.which("musl-gcc") is None:
        pytest.fail("`musl-gcc` is not installed")
    root, sources = tmp_path_factory.mktemp("alpine"), tmp_path_factory.mktemp("sources")
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    for name in ("usr/bin", "usr/lib", "tmp", "run"):
        (root / name).mkdir(parents=True)
    (root / "lib" / LOADER).write_bytes(Path("/lib", LOADER).read_bytes())
    (root / "lib" / LOADER).chmod(0o755)
    (root / "lib" / "libc.musl-x86_64.so.1").symlink_to(LOADER)
    (sources / "greeting.c").write_text(LIBRARY)
    (sources / "hello.c").write_text(PROGRAM)
    library = root / "usr" / "lib" / "libgreeting.so.1"
    compiler = ("musl-gcc", "-O2", "-Wall", "-Werror")
    shared = ("-shared", "-fPIC", "-Wl,-soname,libgreeting.so.1", "-o", library, "greeting.c")
    for arguments in (shared, ("-o", root / "usr" / "bin" / "hello", "hello.c", library)):
        subprocess.run([*compiler, *arguments], cwd=sources, check=True)
    return root


@pytest.fixture(scope="module")
def built(place, image, musl):
    return place.build(RECIPE, "musl", rootfs=image, release=musl)


def test_it_runs_under_gramines_musl_with_premain_before_it(place, built):
    place.admit(built)
    with place.run(built) as process:
        said = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 0, said
    assert "hello from musl\nalpine 3.19.1\nuid 1000, password of 32 letters\nunlisted refused\n" in said


def test_the_images_own_musl_is_not_trusted(built, musl):
    trusted = {file.uri.removeprefix("file:"): file.sha256 for file in built.verified.manifest.sgx.trusted_files}
    assert trusted[f"/.caisson/runtime/libc/{LOADER}"] == musl.bundle.parts[f"libc/{LOADER}"]
    assert f"/lib/{LOADER}" not in trusted
    assert "/usr/lib/libgreeting.so.1" in trusted


@pytest.mark.usefixtures("built")
def test_apks_packages_are_in_the_bill_of_materials(place, capsys):
    assert run(["provenance", "sbom", f"oci:{place.home.path}/images:musl"]) == 0
    components = json.loads(capsys.readouterr().out)["components"]
    purls = {part.get("purl") for part in components}
    assert "pkg:apk/alpine/musl@1.2.4_git20230717-r4?arch=x86_64&distro=alpine-3.19.1" in purls


def test_a_gramine_with_glibc_is_refused_for_it_and_says_what_is_needed(place, image):
    with pytest.raises(UsageError, match="use musl, and this runtime has glibc") as caught:
        place.build(RECIPE, "mixed", rootfs=image)
    assert "--libc musl" in caught.value.hint
