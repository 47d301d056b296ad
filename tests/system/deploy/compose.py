"""Compose 2: Debian 12 has none, but runs Debian 13's, which is one static program; it is not installed."""

import subprocess
from pathlib import Path

CACHE = Path(__file__).parent.parent.parent.parent / "build" / "compose"


def compose_v2() -> tuple[str, ...]:
    """Give the words that call it; the first time its package is fetched, by apt, from where this machine's come."""
    plugin = CACHE / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-compose"
    if not plugin.exists():
        fetch()
    return (str(plugin),)


def fetch() -> None:
    """Fetch the package of the next suite by lists of our own, so that nothing of the machine's changes."""
    for name in ("lists/partial", "archives/partial", "parts"):
        (CACHE / name).mkdir(parents=True, exist_ok=True)
    for source in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("debian*")):
        if source.exists():
            target = CACHE / ("sources.list" if source.suffix == ".list" else f"parts/{source.name}")
            target.write_text(source.read_text().replace("bookworm", "trixie"))
    (CACHE / "sources.list").touch()
    settings = {
        "Dir::Etc::SourceList": CACHE / "sources.list",
        "Dir::Etc::SourceParts": CACHE / "parts",
        "Dir::State::Lists": CACHE / "lists",
        "Dir::Cache": CACHE,
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    for command in (["update"], ["download", "docker-compose"]):
        subprocess.run(["apt-get", "-q", *options, *command], cwd=CACHE, check=True, capture_output=True)
    (package,) = CACHE.glob("docker-compose_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, CACHE], check=True)
