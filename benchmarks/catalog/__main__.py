"""Every entry of the catalog as a confidential container, and beside it the same program started plainly; one table.

`make bench-catalog` writes `docs/reference/catalog.md` and the table in README.md. Both containers are made of one
image. The plain one starts the program itself, without premain, and finds what the other was given (its certificate,
its key, its secrets) in a directory; so what differs is what Caisson adds. The platform is the software platform and
the runtime `native`: nothing is encrypted, and what SGX costs is not measured.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.catalog.answer import answers
from benchmarks.catalog.plain import Plain, docker
from caisson import __version__, catalog
from tests.catalog.running import Running, brought_up
from tests.catalog.supplied import can_be_had

STARTS = 5
LOADS = 3
WARMING = 10
PATIENCE = 120.0
ROOT = Path(__file__).parent.parent.parent
WRAPPER = ROOT / "scripts" / "with-docker"
ABOUT = Path(__file__).parent / "page.md"
PAGE, README = ROOT / "docs" / "reference" / "catalog.md", ROOT / "README.md"
BEGIN, END = "<!-- make bench-catalog writes from here -->", "<!-- to here -->"
HEADER = (
    "entry",
    "version",
    "image, of which Caisson",
    "enclave",
    "first answer: plain, confidential",
    "throughput: plain, confidential",
    "TLS",
    "encrypted at rest",
    "tested by",
)


def first_answer(running: Running, name: str, port: int) -> float:
    """Start a container; give the seconds until TLS is spoken. It goes on running."""
    begin = time.perf_counter()
    docker(running.stage, "start", name)
    while not answers(port, running.up["starttls"]):
        if time.perf_counter() - begin > PATIENCE:
            raise SystemExit(f"error: `{name}` does not answer\n{running.stage.run('docker', 'logs', name).stderr}")
        time.sleep(0.002)
    return time.perf_counter() - begin


def throughput(running: Running, port: int) -> float:
    """Carry the entry's load, after a part of it that only warms up; give the units a second."""
    warming, load = (
        running.promises.load.part(of=of).filled(lambda name: str(port) if name == "port" else running.value(name))
        for of in (WARMING, 1)
    )
    carried_out(warming)
    begin = time.perf_counter()
    done = carried_out(load)
    rate = load.carried(done.stdout, time.perf_counter() - begin)
    if rate is None or load.fault(done.returncode, done.stdout + done.stderr):
        raise SystemExit(f"error: the load of `{running.entry.name}` failed\n{done.stdout}{done.stderr}")
    return rate


def carried_out(load: catalog.Load) -> subprocess.CompletedProcess[str]:
    """Run the command of a load to its end."""
    return subprocess.run(
        load.command,
        input=load.stdin,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", **load.environment},
        capture_output=True,
        text=True,
        timeout=load.timeout,
        check=False,
    )


def compare(running: Running) -> tuple[str, str]:
    """Measure both in turns, how they start and, in the last turns, what they carry; give two cells."""
    with tempfile.TemporaryDirectory(prefix="caisson-plain-") as directory:
        Path(directory).chmod(0o755)
        with Plain.beside(running, Path(directory) / "run") as plain:
            port = int(running.value("port"))
            pair = ((plain.name, plain.port), (running.name, port))
            starts: dict[str, list[float]] = {name: [] for name, _ in pair}
            rates: dict[str, list[float]] = {name: [] for name, _ in pair}
            for turn in range(STARTS):
                for name, at in pair:
                    starts[name].append(first_answer(running, name, at))
                    if turn >= STARTS - LOADS:
                        rates[name].append(throughput(running, at))
                    docker(running.stage, "stop", name)
    before, after = (statistics.median(starts[name]) * 1e3 for name, _ in pair)
    plain_rate, confidential_rate = (spread(rates[name]) for name, _ in pair)
    unit = running.promises.load.unit
    return f"{before:.0f} ms, {after:.0f} ms", f"{plain_rate}, {confidential_rate} {unit}/s"


def spread(rates: list[float]) -> str:
    """Give the median of rates, and by how much of it they differ."""
    median = statistics.median(rates)
    return f"{median:,.0f} (±{(max(rates) - min(rates)) / median / 2:.0%})"


def sizes(running: Running) -> str:
    """Give the size of an image, and of what Caisson added, in megabytes."""
    lines = docker(
        *(running.stage, "history", "--no-trunc", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}"),
        running.up["image"],
    ).splitlines()
    layers = [(int(size), by) for size, _, by in (line.partition(" ") for line in lines)]
    added = sum(size for size, by in layers if by.startswith("caisson "))
    return f"{sum(size for size, _ in layers) / 1e6:.0f} MB, {added / 1e6:.1f} MB"


def version(running: Running) -> str:
    """Give the version of the package that has the program's name, or what the program was built with."""
    recipe = running.entry.recipe
    if recipe.source.installation:
        return f"caisson {__version__}"
    if recipe.source.debian is None:
        return str(running.up["image"])
    components = json.loads(running.stage.succeed("provenance", "sbom", running.up["image"]).stdout)["components"]
    versions: dict[str, str] = {each["name"]: each.get("version", "") for each in components}
    named = [each for each in recipe.source.debian.packages if each.startswith(recipe.name) and each in versions]
    if not named and recipe.source.build is not None:
        return f"{recipe.source.build.packages[0]} of Debian {recipe.source.debian.suite}"
    named = named or [each for each in versions if each.startswith(f"lib{recipe.name}")]
    return f"{named[0]} {versions[named[0]]}"


def row(entry: catalog.Entry) -> tuple[str, ...]:
    """Bring an entry up, measure it, and take it down; give the cells under `HEADER`."""
    recipe, promises = entry.recipe, entry.conformance()
    rest = ", ".join(f"`{mount.path}`" for mount in recipe.encrypted) or "keeps nothing"
    if not can_be_had(entry.name):
        return (entry.name, "", "", recipe.enclave.size, "", "", "", rest, "not run in CI")
    with brought_up(entry.name) as running:
        running.carry_out(promises.start)
        spoken = answers(int(running.value("port")), running.up["starttls"]) or "none"
        told = (entry.name, version(running), sizes(running), recipe.enclave.size)
        return (*told, *compare(running), spoken, rest, ", ".join(promises.packages))


def table(rows: list[tuple[str, ...]]) -> str:
    """Give the rows under their header, in Markdown."""
    lines = [HEADER, ("---",) * len(HEADER), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def machine() -> str:
    """Say what machine this is, as far as figures depend on it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} CPUs ({models[0]}), Linux {platform.release()}"


def write(rows: list[tuple[str, ...]]) -> None:
    """Put the table into the page and into the README."""
    drawn = table(rows)
    PAGE.write_text(ABOUT.read_text().format(machine=machine(), starts=STARTS, loads=LOADS, table=drawn))
    before, rest = README.read_text().split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n{drawn}{END}{after}")


def main(chosen: list[str]) -> None:
    """Print a row for each entry; with all of them, write the table. It runs inside `scripts/with-docker`."""
    rows = []
    for name in chosen or catalog.names():
        rows.append(row(catalog.load(name)))
        print(" | ".join(rows[-1]), flush=True)
    if not chosen:
        write(rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        main(sys.argv[2:])
    else:
        subprocess.run([sys.executable, "-m", "tests.catalog.fetch"], check=True)
        os.execv(WRAPPER, [str(WRAPPER), sys.executable, "-m", "benchmarks.catalog", "--inside", *sys.argv[1:]])
