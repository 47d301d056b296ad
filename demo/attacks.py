"""Eight attacks, each tried for real: a command a hostile operator could run, and the refusal it must meet."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from caisson import catalog, oci
from caisson.conversion import MANIFEST
from caisson.oci.tar import Entry, Kind, end, member, padding
from demo import replay
from demo.stage import Done, Stage

REJECTED = 1


@dataclass(frozen=True, slots=True)
class Attack:
    """What is tried, what must be said, and how to try it."""

    title: str
    expected: str
    attempt: Callable[[], Done]


def attacks(stage: Stage, up: dict[str, str]) -> Iterator[Attack]:
    """Give all attacks on the deployment that `caisson up redis --json` described."""
    image, server = up["image"], up["key_server"]
    program = "/usr/bin/redis-check-rdb"  # what /usr/bin/redis-server leads to

    def run(reference: str, *options: str | Path) -> Done:
        return stage.caisson("run", reference, "--name", "attack", "--key-server", server, *options)

    def build(reference: str, *options: str | Path) -> None:
        stage.succeed(
            "build", f"docker-daemon:{reference}", "--key-server-pin", up["key_server_pin"], "--force", *options
        )

    def changed_program() -> Done:
        change_file(image, "attack/program:1", program, lambda old: old[:-1] + bytes([old[-1] ^ 1]))
        return run("attack/program:1")

    def changed_manifest() -> Done:
        change_file(image, "attack/manifest:1", MANIFEST, lambda old: old.replace(b'"error"', b'"trace"'))
        return run("attack/manifest:1")

    def other_signer() -> Done:
        key = stage.home / "mallory.pem"
        stage.succeed("key", "generate", "--output", key)
        build("attack/signer:1", "--catalog", "redis", "--key", key)
        return run("attack/signer:1")

    def other_server() -> Done:
        with replay.other_key_server(stage, up) as address:
            return run(image, "--key-server", address)

    def replayed_activation() -> Done:
        return replay.activate_twice(stage, up)

    def untrusted_root() -> Done:
        with replay.other_platform(stage) as socket:
            return run(image, "--platform-socket", socket)

    def debug_enclave() -> Done:
        recipe = stage.home / "debug.toml"
        source = Path(catalog.__file__).parent / "redis" / "caisson.toml"
        recipe.write_text(source.read_text().replace("[enclave]", "[enclave]\ndebug = true"))
        build("attack/debug:1", "--recipe", recipe, "--key", stage.home / "signing-key.pem")
        return run("attack/debug:1")

    def wrong_workload() -> Done:
        return run(image, "--workload", replay.other_workload(stage, up))

    yield Attack("one bit of the program is changed", f"trusted file `{program}`", changed_program)
    yield Attack("the manifest is changed", "SGX_INVALID_MEASUREMENT", changed_manifest)
    yield Attack("the image is signed by another key", "mrsigner", other_signer)
    yield Attack("another server answers under the same name", "pin", other_server)
    yield Attack("an activation is replayed", "nonce", replayed_activation)
    yield Attack("evidence comes from a root nobody trusts", "root", untrusted_root)
    yield Attack("the enclave can be debugged", "debug", debug_enclave)
    yield Attack("the image asks for another workload's secrets", "policy", wrong_workload)


def change_file(reference: str, new_reference: str, path: str, change: Callable[[bytes], bytes]) -> None:
    """Write an image in which one file is another, as anyone can who holds the image."""
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        image = oci.source(oci.Reference.parse(reference)).read(scratch=scratch)
        found = oci.FileSystem.of(image).find(path)
        if found is None or found.content is None:
            raise SystemExit(f"error: the image has no file `{path}`")
        content = change(found.content.read())
        entry = Entry(path=path.removeprefix("/"), kind=Kind.FILE, mode=found.entry.mode, size=len(content))
        layer = oci.FileLayer.pack((member(entry), content, padding(len(content)), end()), scratch=scratch)
        changed = oci.append(image, layer, created_by="an attacker")
        oci.sink(oci.Reference.parse(new_reference)).write(changed, overwrite=True)
