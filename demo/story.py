"""The story itself. It runs inside `scripts/with-docker`, and every sentence of it is checked."""

import sys
import tempfile
import time
from pathlib import Path

from demo import CACHE
from demo.attacks import REJECTED, Attack, Attacker
from demo.stage import Stage, act, say


def main() -> int:
    """Tell it; 0 if everything happened as it must."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="caisson-demo-") as directory:
        stage = Stage(Path(directory))
        (stage.home / "cache").symlink_to(CACHE)
        try:
            faults = _tell(stage)
        finally:
            stage.caisson("down", "redis", "--all", "--volumes")
    print()
    say(f"{len(faults)} faults in {time.monotonic() - start:.0f} s" if faults else _summary(time.monotonic() - start))
    for fault in faults:
        say(fault)
    return 1 if faults else 0


def _tell(stage: Stage) -> list[str]:
    with act("Redis becomes a confidential container: `caisson up redis`"):
        done = stage.succeed("up", "redis", "--publish", "6379")
        print("".join(f"  {line}\n" for line in done.stderr.splitlines()), end="")
        up = stage.ask("up", "redis")
        password = stage.succeed("secret", "get", "redis-password", "--reveal").stdout.strip()
    faults: list[str] = []
    with act("A client: `redis-cli --tls` with the key server's CA and the provisioned password"):
        faults += _client(stage, up, password)
    with act(f"Anyone: `caisson attest {up['address']}`, knowing only the policy and where collateral is"):
        done = stage.succeed("attest", up["address"], "--policy", up["policy"], "--pcs", up["pcs"])
        print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="")
    with act("Eight attacks"):
        for number, attack in enumerate(Attacker(stage, up).attacks(), start=1):
            faults += _try(number, attack)
    with act("The audit log"):
        say(stage.succeed("audit", "verify").stdout.strip().splitlines()[0])
    return faults


def _client(stage: Stage, up: dict[str, str], password: str) -> list[str]:
    port = up["address"].rpartition(":")[2]
    faults = []
    for words, expected in ((["PING"], "PONG"), (["SET", "depth", "11034"], "OK"), (["GET", "depth"], "11034")):
        command = ["redis-cli", "--tls", "--cacert", up["ca"], "-p", port, *words]
        done = stage.run(*command, REDISCLI_AUTH=password)
        say(f"{' '.join(words)} → {done.stdout.strip() or done.stderr.strip()}")
        if done.stdout.strip() != expected:
            faults.append(f"`{' '.join(words)}` was not answered with {expected}")
    return faults


def _try(number: int, attack: Attack) -> list[str]:
    done = attack.attempt()
    said = (done.stderr + done.stdout).strip()
    refused = done.status == REJECTED and attack.expected in said
    verdict = next((line for line in said.splitlines() if line.startswith("error:")), said or "nothing was said")
    say(f"{number}. {attack.title}", done.seconds)
    say(f"   {'refused' if refused else 'NOT REFUSED AS IT SHOULD BE'}, status {done.status}: {verdict}")
    return [] if refused else [f"attack {number} was not refused as it should be: {said}"]


def _summary(seconds: float) -> str:
    return f"Redis ran, answered, was attested; eight attacks failed; all in {seconds:.0f} s. Nothing is left running."


if __name__ == "__main__":
    sys.exit(main())
