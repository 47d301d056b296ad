"""Eight attacks, each tried for real: a command a hostile operator could run, and the refusal it must meet."""

import shutil
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
PROGRAM = "/usr/bin/redis-check-rdb"  # what /usr/bin/redis-server leads to


@dataclass(frozen=True, slots=True)
class Attack:
    """What is tried, what must be said, and how to try it."""

    title: str
    expected: str
    attempt: Callable[[], Done]


@dataclass(frozen=True, slots=True)
class Attacker:
    """Whoever runs the machine. `up` is what `caisson up redis --json` said of the deployment."""

    stage: Stage
    up: dict[str, str]

    def attacks(self) -> Iterator[Attack]:
        """Give all attacks."""
        yield Attack("one bit of the program is changed", f"`{PROGRAM}` differs", self.changed_program)
        yield Attack("the manifest is changed", "SGX_INVALID_MEASUREMENT", self.changed_manifest)
        yield Attack("the image is signed by another key", "mrsigner", self.other_signer)
        yield Attack("another server answers under the same name", "pin", self.other_server)
        yield Attack("an activation is replayed", "nonce", self.replayed_activation)
        yield Attack("evidence comes from a root nobody trusts", "root", self.untrusted_root)
        yield Attack("the enclave can be debugged", "debug", self.debug_enclave)
        yield Attack("the image asks for another workload's secrets", "policy", self.wrong_workload)

    def changed_program(self) -> Done:
        """Run an image whose Redis differs in one bit."""
        change_file(self.up["image"], "attack/program:1", PROGRAM, lambda old: old[:-1] + bytes([old[-1] ^ 1]))
        return self._run("attack/program:1")

    def changed_manifest(self) -> Done:
        """Run an image whose manifest asks for a talkative log."""
        change_file(self.up["image"], "attack/manifest:1", MANIFEST, lambda old: old.replace(b'"error"', b'"trace"'))
        return self._run("attack/manifest:1")

    def other_signer(self) -> Done:
        """Build the same image with another key, and run it."""
        key = self.stage.home / "mallory.pem"
        self.stage.succeed("key", "generate", "--output", key)
        self._build("attack/signer:1", "--catalog", "redis", "--key", key)
        return self._run("attack/signer:1")

    def other_server(self) -> Done:
        """Run the true image against a server of our own."""
        with replay.other_key_server(self.stage, self.up) as address:
            return self._run(self.up["image"], key_server=address)

    def replayed_activation(self) -> Done:
        """Send the same evidence twice."""
        return replay.activate_twice(self.stage, self.up)

    def untrusted_root(self) -> Done:
        """Run the true image on a platform of our own."""
        with replay.other_platform() as socket:
            return self._run(self.up["image"], "--platform-socket", socket)

    def debug_enclave(self) -> Done:
        """Build the image as a debug enclave, even with the true key, and run it."""
        entry = shutil.copytree(Path(catalog.__file__).parent / "redis", self.stage.home / "debug")
        recipe = entry / "caisson.toml"
        recipe.write_text(recipe.read_text().replace("[enclave]", "[enclave]\ndebug = true"))
        self._build("attack/debug:1", "--recipe", recipe, "--key", self.stage.home / "signing-key.pem")
        return self._run("attack/debug:1")

    def wrong_workload(self) -> Done:
        """Run the true image, and ask for secrets that are meant for another."""
        return self._run(self.up["image"], "--workload", replay.other_workload(self.stage, self.up))

    def _run(self, reference: str, *options: str | Path, key_server: str | None = None) -> Done:
        server = key_server or self.up["key_server"]
        return self.stage.caisson("run", reference, "--name", "attack", "--key-server", server, *options)

    def _build(self, reference: str, *options: str | Path) -> None:
        pin = self.up["key_server_pin"]
        self.stage.succeed("build", *options, "--key-server-pin", pin, "--force", f"docker-daemon:{reference}")


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
