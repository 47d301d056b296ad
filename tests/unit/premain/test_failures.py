"""Each way of failing: its exit status, one line that names the step, nothing left behind, no secret said."""

import json
import re
import signal
from pathlib import Path

import pytest

from caisson.protocol import BundleFile

pytestmark = pytest.mark.enable_socket


def no_manifest(container):
    (container.root / ".caisson/app.manifest.sgx").write_text("[loader]\nargv = premain\n")


def arguments(container):
    container.arguments = ("/bin/sh", "sh", "-c", "id")


def no_tmpfs(container):
    # The manifest names a mount that the engine forgot, on what surely is a disk.
    container.tmpfs = "/usr/share"
    container.measured["CAISSON_TLS_CERTIFICATE"] = "/usr/share/certificate.pem"
    container.measured["CAISSON_TLS_KEY"] = "/usr/share/key.pem"


def another_user(container):
    container.runs_as = "1234:1234"


def changed_file(container):
    (container.root / ".caisson/app.manifest.sgx").write_text(container.manifest())
    with (container.root / ".caisson/premain").open("ab") as premain:
        premain.write(b"\0")


def refused_launch(container):
    container.platform.refuse[1] = (2, b"SGX_INVALID_MEASUREMENT: the SIGSTRUCT is for another enclave")


def no_platform(container):
    container.outside["CAISSON_PLATFORM"] = "unix:/run/nowhere.sock"


def another_server(container):
    container.measured["CAISSON_KEY_SERVER_PIN"] = "00" * 32


def no_server(container):
    container.server.shutdown()  # first: its thread may not have begun to serve
    container.server.server_close()
    container.outside["CAISSON_TIMEOUT"] = "1"


def no_quote(container):
    container.platform.refuse[5] = (4, b"SGX_INVALID_REPORT: its MAC is wrong")


def refused_activation(container):
    container.server.activation_status = 403


def another_workload(container):
    container.server.change["workload"] = "nginx"


def file_outside(container):
    inside = BundleFile(path="/run/caisson/deep/er", mode=0o400, content=b"canary")
    container.server.change["files"] = (inside, BundleFile(path="/data/x", mode=0o400, content=b"canary"))


def no_program_directory(container):
    (container.root / "data").rmdir()


FAILURES = [
    (arguments, 81, "configuration: error: premain takes no arguments"),
    (no_tmpfs, 81, "configuration: error: `/usr/share` is no tmpfs"),
    (another_user, 81, "configuration: error: the container runs as 1234:1234, and the measured user is 0:0"),
    (no_manifest, 82, "manifest: error: `/.caisson/app.manifest.sgx` is refused: line 2: `argv`: "),
    (changed_file, 83, "trusted files: error: `/.caisson/premain` differs from the measured file"),
    (refused_launch, 84, "launch: error: the software platform says no: SGX_INVALID_MEASUREMENT: "),
    (another_server, 85, "challenge: error: the server has key `"),
    (no_quote, 87, "quote: error: the software platform says no: SGX_INVALID_REPORT: "),
    (refused_activation, 88, "activation: error: the key server says no: status 403"),
    (another_workload, 89, "bundle: error: the bundle is for workload `nginx` and not for `redis`"),
    (file_outside, 90, "apply: error: `/data/x` does not lie below a tmpfs mount of the measured manifest"),
    (no_program_directory, 91, "exec: error: the start directory `/data` cannot be entered: "),
    (no_platform, 93, "launch: error: the software platform at `unix:/run/nowhere.sock` cannot be reached: "),
    (no_server, 93, "challenge: error: the key server cannot be reached: "),
]


@pytest.mark.parametrize(("change", "status", "line"), [pytest.param(*f, id=f[0].__name__) for f in FAILURES])
def test_a_failure_has_its_status_and_its_line_and_leaves_nothing(container, change, status, line):
    container.script = "echo started"
    change(container)
    found, stdout, stderr = container.run()
    assert (found, stdout) == (status, "")
    first, *hints = stderr.splitlines()
    assert first.startswith(f"caisson premain: {line}")
    assert all(hint.startswith("caisson premain: ") and ": hint: " in hint for hint in hints)
    assert len(hints) <= 1
    assert "canary" not in stderr
    assert container.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_program_ends_it_promptly(container, number):
    container.server.hold.clear()
    with container.start() as process:
        assert container.server.reached.wait(60)
        container.signal(number)
        # It does not wait for the server, which still holds its answer back.
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 92
    assert stderr.startswith("caisson premain: interrupted: error: ")
    assert container.left() == []


def test_one_start_is_one_activation(container):
    container.server.activation_status = 503
    assert container.run()[0] == 93
    assert container.server.activations == 1


def test_the_table_of_statuses_is_that_of_the_reference():
    root = Path(__file__).parents[3]
    page = (root / "docs/reference/premain.md").read_text()
    rows = re.findall(r"^\| (\d\d) \| ([a-z ]+) \|", page, re.MULTILINE)
    documented = {int(status): step for status, step in rows if int(status) >= 70}
    source = (root / "premain/guest.go").read_text()
    steps = dict(
        reversed(json.loads(f"[{line.split('{', 1)[1].rsplit(',', 3)[0]}]"))
        for line in source.splitlines()
        if line.startswith('\t{"')
    )
    assert steps.items() <= documented.items()
    assert set(documented) - set(steps) == {70, 92, 93}
    assert {status for _, status, _ in FAILURES} | {70, 86, 92} == set(documented)
