"""All readings of one examination, and the file that they are stored in: the way to report trouble from afar."""

from typing import Literal

from pydantic import TypeAdapter, ValidationError

from caisson.doctor.readings.attestation import Aesmd, AesmdConfiguration, Certificates, QuoteProvider
from caisson.doctor.readings.engines import Docker, Kubernetes, Podman, Swarm
from caisson.doctor.readings.machine import CpuInfo, Device, Disk, Firmware, Kernel, Limits, Memory, Sight
from caisson.doctor.readings.material import Image, KeyFile, Workshop
from caisson.doctor.readings.vocabulary import Count, Text, Unread, reading
from caisson.errors import Malformed

MOST_BYTES = 8 << 20


@reading
class Readings:
    """What was seen. `None`: nobody asked for it, or there is no such thing here; `Unread`: it could not be seen.

    `enclave` and `provision` are the devices' paths; `legacy` is what stands at the paths of drivers of old; `inside`
    what a container saw. `pages` is the enclave page cache in bytes, by the kernel. `clock` is seconds since 1970.
    """

    format: Literal[1] = 1
    caisson: Text
    clock: Count
    enclave: Text = "/dev/sgx_enclave"
    provision: Text = "/dev/sgx_provision"
    sight: Sight | Unread
    cpu: CpuInfo | Unread
    pages: Count | Unread
    firmware: Firmware | Unread
    kernel: Kernel
    legacy: tuple[Device, ...] = ()
    limits: Limits | Unread
    memory: Memory | Unread
    disks: tuple[Disk, ...] = ()
    inside: Sight | Unread | None = None
    aesmd: Aesmd | Unread | None = None
    aesmd_configuration: AesmdConfiguration | Unread | None = None
    quote_provider: QuoteProvider | Unread | None = None
    certificates: Certificates | Unread | None = None
    docker: Docker | Unread | None = None
    podman: Podman | Unread | None = None
    swarm: Swarm | Unread | None = None
    kubernetes: Kubernetes | Unread | None = None
    workshop: Workshop | Unread | None = None
    key: KeyFile | Unread | None = None
    image: Image | Unread | None = None


_ADAPTER: TypeAdapter[Readings] = TypeAdapter(Readings)


def write_readings(readings: Readings) -> bytes:
    """Give the file: JSON, for people to look through before they send it."""
    return _ADAPTER.dump_json(readings, indent=2) + b"\n"


def read_readings(raw: bytes) -> Readings:
    """Read such a file.

    Raises:
        Malformed: it is none, or of another format.
    """
    if len(raw) > MOST_BYTES:
        raise Malformed(f"readings are larger than {MOST_BYTES} bytes")
    try:
        return _ADAPTER.validate_json(raw)
    except ValidationError as cause:
        first = cause.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Malformed(
            f"these are no readings of `caisson doctor`: {place}: {first['msg'].lower()}",
            hint="make them with `caisson doctor --record FILE`, of this version of Caisson",
        ) from cause
