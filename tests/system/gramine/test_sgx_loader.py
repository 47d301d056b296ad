"""Gramine's SGX loader takes our manifest, PAL and SIGSTRUCT, and stops where there is no SGX.

The device is missing here. In the second test a plain file stands where it would be, and strace answers the driver's
calls: far enough for the loader to read everything that it would load, and no further.
"""

import re
import shutil

import pytest

from caisson.conversion.places import SGX_ENTRYPOINT
from tests.system.gramine.recipes import REDIS

pytestmark = pytest.mark.slow

TRACE = "strace -f -o {log} -e trace=open,openat,ioctl"


@pytest.fixture(scope="module")
def built(place):
    if shutil.which("strace") is None:
        pytest.fail("`strace` is not installed")
    return place.build(REDIS, "loader")


def attempt(place, built, tmp_path, *, prepare=":", inject=""):
    log = tmp_path / "trace"
    with place.run(built, SGX_ENTRYPOINT, prepare=prepare, before=f"{TRACE.format(log=log)} {inject}") as process:
        output = process.communicate(timeout=60)[0].decode()
    return log.read_text(), output, process.returncode


def test_it_starts_with_the_libraries_of_the_runtime_and_fails_at_the_device_alone(place, built, tmp_path):
    trace, output, status = attempt(place, built, tmp_path)
    opened = re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]+)".* = \d+$', trace, re.MULTILINE)
    inside = [path for path in opened if path.startswith("/.caisson/")]
    assert inside == [
        "/.caisson/runtime/host/libprotobuf-c.so.1",
        "/.caisson/runtime/host/libc.so.6",
        "/.caisson/app.manifest.sgx",
    ]
    assert [line for line in trace.splitlines() if "ENOENT" in line and "/.caisson/runtime/host/" not in line][-1].find(
        '"/dev/sgx_enclave"'
    ) > 0
    assert "Cannot open /dev/sgx_enclave" in output
    assert status != 0


def test_it_reads_pal_and_sigstruct_and_creates_the_enclave(place, built, tmp_path):
    trace, output, _ = attempt(
        place, built, tmp_path, prepare="truncate -s 2G $0/dev/sgx_enclave", inject="-e inject=ioctl:retval=0"
    )
    steps = re.findall(r'open\("(/\.caisson/[^"]+)"|(SGX_IOC_ENCLAVE_\w+)', trace)
    assert [path or call for path, call in steps] == [
        "/.caisson/app.manifest.sgx",
        "/.caisson/runtime/sgx/libpal.so",
        "/.caisson/app.sig",
        "SGX_IOC_ENCLAVE_CREATE",
        "SGX_IOC_ENCLAVE_ADD_PAGES",
    ]
    # No driver, so no page was added; that is the loader's only complaint.
    assert "SGX driver did not perform EADD" in output
