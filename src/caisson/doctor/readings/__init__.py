"""Readings: what was seen, as typed values that can be stored; nothing here looks, and nothing judges."""

from caisson.doctor.readings.attestation import Aesmd, AesmdConfiguration, Certificates, QuoteProvider
from caisson.doctor.readings.document import MOST_BYTES, Readings, read_readings, write_readings
from caisson.doctor.readings.engines import (
    DevicePlugin,
    Docker,
    Kubernetes,
    KubernetesNode,
    Podman,
    Swarm,
    SwarmNode,
)
from caisson.doctor.readings.machine import CpuInfo, Device, Disk, Firmware, Kernel, Leaf, Limits, Memory, Sight
from caisson.doctor.readings.material import Image, KeyFile, Workshop
from caisson.doctor.readings.vocabulary import Unread

__all__ = [
    "MOST_BYTES",
    "Aesmd",
    "AesmdConfiguration",
    "Certificates",
    "CpuInfo",
    "Device",
    "DevicePlugin",
    "Disk",
    "Docker",
    "Firmware",
    "Image",
    "Kernel",
    "KeyFile",
    "Kubernetes",
    "KubernetesNode",
    "Leaf",
    "Limits",
    "Memory",
    "Podman",
    "QuoteProvider",
    "Readings",
    "Sight",
    "Swarm",
    "SwarmNode",
    "Unread",
    "Workshop",
    "read_readings",
    "write_readings",
]
