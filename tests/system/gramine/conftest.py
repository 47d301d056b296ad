"""A real Gramine, a key server and a software platform that listens on TCP: for all tests of this folder."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from caisson import oci
from caisson.cli.file_keys import file_keys_of
from caisson.cli.home import Home
from caisson.cli.local import Local, _initialise
from caisson.conversion import VerifiedImage, premain, prepare, verify_image
from caisson.conversion.plain import plain_image
from caisson.conversion.recipe import Recipe
from caisson.conversion.runtime import HostFiles, Release, find_release
from caisson.enclave import Libc, SigningKey
from caisson.evidence import EnclaveRule, Policy, RootKey, TcbStatus
from caisson.keyserver import Generation, SecretKind, Workload
from demo import CACHE

DIRECT = ("/.caisson/runtime/direct/libpal.so", "/.caisson/runtime/direct/libpal.so", "init", "/.caisson/app.direct")
# What a container engine gives: a network, and /proc, /sys and /dev of its own.
_ROOM = """
mount -t proc proc $0/proc && mount --rbind /sys $0/sys && mount -t tmpfs tmpfs $0/dev
for device in null zero random urandom; do touch $0/dev/$device && mount --bind /dev/$device $0/dev/$device; done
{prepare}
exec {before} chroot $0 "$@"
"""


@dataclass(frozen=True)
class Built:
    """An image that was built and unpacked."""

    recipe: Recipe
    verified: VerifiedImage
    root: Path


@dataclass(frozen=True)
class Place:
    """The services, and what is built and run beside them."""

    home: Home
    local: Local
    platform: str
    release: Release
    key: SigningKey

    def build(
        self,
        recipe: str | Recipe,
        name: str,
        folder: Path | None = None,
        *,
        rootfs: Path | None = None,
        release: Release | None = None,
    ) -> Built:
        """Build an image out of the recipe's source, or of a root file system, and unpack it."""
        parsed = recipe if isinstance(recipe, Recipe) else Recipe.parse(recipe.encode(), folder=folder)
        layout = self.home.path / "images"
        with tempfile.TemporaryDirectory() as directory:
            scratch = Path(directory)
            if rootfs is None:
                plain = plain_image(parsed.source, cache=CACHE, scratch=scratch)
            else:
                plain = oci.source(oci.Reference.parse(f"rootfs:{rootfs}")).read(scratch=scratch)
            keys = file_keys_of(parsed, (), self.local.client)
            runtime = self.release if release is None else release
            prepared = prepare(plain, parsed, premain=premain(), scratch=scratch, runtime=runtime, file_keys=keys)
            image = prepared.sign(self.key).image
            verified = verify_image(image)
            oci.sink(oci.Reference.parse(f"oci:{layout}:{name}")).write(image, overwrite=True)
        root = self.home.path / name
        subprocess.run(["umoci", "unpack", "--image", f"{layout}:{name}", root], check=True, capture_output=True)
        for directory in ("dev", "proc", "sys"):
            (root / "rootfs" / directory).mkdir(exist_ok=True)
        return Built(parsed, verified, root / "rootfs")

    def admit(self, built: Built, **changes) -> None:
        policy = Policy(
            **{
                "roots": frozenset({RootKey.of_pem(self.local.root_pem.encode())}),
                "tcb_statuses": frozenset({TcbStatus.UP_TO_DATE}),
                "advisories": frozenset(),
                "allow_debug": False,
                "minimum_tcb_evaluation_data_number": 1,
                "key_servers": frozenset({self.local.pin}),
                "enclaves": (EnclaveRule(mr_enclave=built.verified.mr_enclave, mr_signer=built.verified.mr_signer),),
                **changes,
            }
        )
        with self.local.client() as server:
            for secret in built.recipe.provision.secret:
                generation = Generation(kind=SecretKind(secret.kind), length=secret.length)
                server.generate_secret(secret.name, generation, if_absent=True)
            document = built.recipe.provision.workload(name=built.recipe.name, policy=policy.encode())
            server.set_workload(Workload.parse(document))

    @contextmanager
    def run(
        self, built: Built, command=DIRECT, *, prepare: str = ":", before: str = ""
    ) -> Iterator[subprocess.Popen[bytes]]:
        script = _ROOM.format(prepare=prepare, before=before)
        process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", script, built.root, *command],
            env={
                "PATH": os.environ["PATH"],
                "CAISSON_KEY_SERVER": self.local.key_server,
                "CAISSON_PLATFORM": self.platform,
                "CAISSON_WORKLOAD": built.recipe.name,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def gramine() -> Path:
    """The prefix of a real Gramine, which no package registry has: the tests are skipped without one."""
    prefix = Path(os.environ.get("CAISSON_GRAMINE", "/opt/gramine"))
    if not (prefix / "bin" / "gramine-direct").exists():
        pytest.skip(f"no Gramine at {prefix}: build release 1.9 from source, and name its prefix in CAISSON_GRAMINE")
    return prefix


@contextmanager
def service(*arguments: str, addresses: int) -> Iterator[list[str]]:
    """Run `caisson ARGUMENTS…` until the end of the block; gives the addresses at which it is ready."""
    command = [sys.executable, "-m", "caisson.cli", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield [process.stdout.readline().strip().removeprefix("ready ") for _ in range(addresses)]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def place(gramine) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="caisson-test-") as directory, ExitStack() as stack:
        home = Home(Path(directory))
        platform = service(
            *("platform", "serve", "--home", directory, "--tcp", "127.0.0.1:0", "--pcs", "127.0.0.1:0"), addresses=3
        )
        _, tcp, pcs = stack.enter_context(platform)
        _initialise(home)
        server = service(
            *("keyserver", "serve", "--state", str(home.server_state), "--unseal-key-file", str(home.unseal_key)),
            *("--listen", "127.0.0.1:0", "--pcs", pcs, "--san", "127.0.0.1"),
            addresses=1,
        )
        (url,) = stack.enter_context(server)
        local = Local(home=home, pcs=pcs, key_server=url)
        release = find_release(HostFiles(), prefix=str(gramine), libc=Libc.GLIBC)
        yield Place(home, local, tcp, release, SigningKey.generate())
