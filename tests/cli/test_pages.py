"""The guide on signing and the pages on images and provenance, run as they are printed."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from caisson.oci import Limits
from caisson.oci.artifact import MAX_ATTACHED, MAX_BLOB
from caisson.oci.document import MAX_SIZE
from caisson.provenance import ImagePolicy
from caisson.provenance.policy import Product, RequiredProvenance
from tests.ports import reserved_port
from tests.softhsm import PIN

DOCS = Path(__file__).parent.parent.parent / "docs"


def blocks(page):
    return re.findall(r"^```sh\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


def shell(script, directory):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=directory,
        env={**os.environ, "PATH": path, "PIN": PIN, "SERVER": "ab" * 32},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_of_the_guide_on_signing_works(desk, token):  # noqa: ARG001 - a token configures SoftHSM
    """Three ways of signing with one key, and in the end one image."""
    assert len(blocks("guides/signing.md")) == 6
    done = shell("\n".join(blocks("guides/signing.md")), desk)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exponent 65537, not RSA-3072 with exponent 3" in done.stderr
    index = json.loads((desk / "out" / "index.json").read_text())
    digests = {each["annotations"]["org.opencontainers.image.ref.name"]: each["digest"] for each in index["manifests"]}
    assert digests["by-file"] == digests["by-token"] == digests["detached"]
    assert len(set(digests.values())) == 3


def test_every_command_of_the_page_on_provenance_works(desk):
    (block,) = blocks("reference/provenance.md")
    done = shell(f"caisson build --recipe caisson.toml --key key.pem rootfs:root oci:out:app\n{block}", desk)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((desk / "sbom.json").read_text())["bomFormat"] == "CycloneDX"


@pytest.mark.enable_socket
def test_every_command_of_the_guide_on_evidence_works(vectors, tmp_path):
    quote = vectors / "evidence" / "google-go-tdx-guest" / "tdx_v4_cos-113-tdx-quote_00b252"
    report = vectors / "evidence" / "coco-trustee" / "snp_v3_evidence-v1_2cf09f"
    (tmp_path / "snp").mkdir()
    for name, content in {
        "quote.bin": (quote / "quote.bin").read_bytes(),
        "collateral.json": (quote / "collateral.json").read_bytes(),
        "report.bin": (report / "report.bin").read_bytes(),
        "snp/vek.der": (report / "vcek.der").read_bytes(),
        "snp/chain.pem": (report / "ask.pem").read_bytes() + (report / "ark.pem").read_bytes(),
    }.items():
        (tmp_path / name).write_bytes(content)
    more = "".join(
        f"caisson evidence verify {names} --genuine-only --json > {number}.json\n"
        for number, names in enumerate(
            ("quote.bin --collateral collateral.json --at 2025-11-05", "report.bin --collateral snp --at 2025-10-01")
        )
    )
    with reserved_port() as port:
        done = shell("\n".join([*blocks("guides/evidence.md"), more]).replace("8800", str(port)), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    said = [line for line in done.stdout.splitlines() if not line.startswith("  ")]
    assert said.count("genuine; whether it is acceptable, no policy was asked") == 2
    assert said.count("accepted: it is genuine, and what the policy asks for") == 1
    assert {"not accepted: status 1", "2 cases, none failed", "a signed no: status 1"} <= set(said)
    assert done.stderr.count("warning: it refuses this evidence: no revocation list was looked at") == 1
    page = (DOCS / "reference/ear.md").read_text()
    for number in (0, 1):
        told = json.loads((tmp_path / f"{number}.json").read_text())
        assert [name for name in told if f"`{name}`" not in page] == ["version"]


def test_the_page_on_images_tells_the_limits_and_its_program_runs():
    page = (DOCS / "reference/images.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    subprocess.run([sys.executable, "-c", program], check=True)
    limits = Limits()
    assert f"| layers of an image | {limits.layers:,} |" in page
    assert f"| files of all layers | {limits.entries:,} |" in page
    assert f"holes included | {limits.layer_size >> 30} GiB |" in page
    assert limits.ratio_from == 1 << 30
    assert f"beyond its first GiB | {limits.ratio} times |" in page
    assert f"(for the [webhook](webhook.md) less) | {limits.size >> 30} GiB |" in page
    assert "| a file of an artifact; all artifacts" in page
    assert f"| {MAX_BLOB >> 20} MiB; {MAX_ATTACHED >> 20} MiB |" in page
    assert f"indexes, configurations | {MAX_SIZE >> 20} MiB |" in page


def test_the_page_on_policies_for_images_shows_every_field():
    page = (DOCS / "reference/image-policy.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    shown = tomllib.loads(example)
    assert shown.keys() == ImagePolicy.model_fields.keys()
    assert shown["products"][0].keys() == Product.model_fields.keys()
    assert shown["provenance"].keys() == RequiredProvenance.model_fields.keys()
