"""Everything that looks: it gives readings, judges nothing, and changes nothing that it does not put back."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from caisson import __version__, oci
from caisson.doctor.check import Purpose
from caisson.doctor.readings import Readings
from caisson.doctor.sensors.aesmd import ask_aesmd, read_aesmd_configuration, read_quote_provider
from caisson.doctor.sensors.certificates import ask_pccs
from caisson.doctor.sensors.cluster import read_kubernetes
from caisson.doctor.sensors.engines import read_engines, read_podman
from caisson.doctor.sensors.look import look
from caisson.doctor.sensors.machine import (
    read_cpu_info,
    read_disks,
    read_firmware,
    read_kernel,
    read_legacy,
    read_limits,
    read_memory,
    read_pages,
)
from caisson.doctor.sensors.material import read_image, read_key, read_workshop

__all__ = ["Places", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where to look, and whether a container may be started. `key` is the author's, or the one in `home`."""

    home: Path
    key: Path | None = None
    image: str | None = None
    enclave: str = "/dev/sgx_enclave"
    provision: str = "/dev/sgx_provision"
    aesmd: Path = Path("/var/run/aesmd")
    aesmd_configuration: Path = Path("/etc/aesmd.conf")
    quote_provider: Path = Path("/etc/sgx_default_qcnl.conf")
    container: bool = True
    access: oci.Access = field(default_factory=oci.Access)

    @property
    def signing_key(self) -> Path:
        """The author's key."""
        return self.key or self.home / "signing-key.pem"


def read(places: Places, purposes: frozenset[Purpose], *, clock: Callable[[], float] = time.time) -> Readings:
    """Look at all that the purposes need."""
    attest, build = Purpose.ATTEST in purposes, Purpose.BUILD in purposes
    swarm = Purpose.SWARM in purposes
    provider = read_quote_provider(places.quote_provider) if attest else None
    device = places.enclave if places.container and Path(places.enclave).is_char_device() else None
    engines = read_engines(device=device, nodes=swarm) if swarm or Purpose.RUN in purposes else None
    return Readings(
        caisson=__version__,
        clock=int(clock()),
        enclave=places.enclave,
        provision=places.provision,
        sight=look((places.enclave, places.provision)),
        cpu=read_cpu_info(),
        pages=read_pages(),
        firmware=read_firmware(),
        kernel=read_kernel(),
        legacy=read_legacy(),
        limits=read_limits(),
        memory=read_memory(),
        disks=read_disks({"temporary files": Path(tempfile.gettempdir()), "Caisson's own": places.home}),
        inside=None if engines is None else engines.inside,
        aesmd=ask_aesmd(places.aesmd) if attest else None,
        aesmd_configuration=read_aesmd_configuration(places.aesmd_configuration) if attest else None,
        quote_provider=provider,
        certificates=ask_pccs(provider) if attest else None,
        docker=None if engines is None else engines.docker,
        podman=read_podman() if Purpose.RUN in purposes else None,
        swarm=None if engines is None else engines.swarm,
        kubernetes=read_kubernetes() if Purpose.KUBERNETES in purposes else None,
        workshop=read_workshop(places.home / "runtimes") if build else None,
        key=read_key(places.signing_key) if build else None,
        image=None if places.image is None else read_image(places.image, places.access),
    )
