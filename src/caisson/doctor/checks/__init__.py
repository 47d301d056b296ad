"""All checks, in an order in which each follows those that it needs."""

from caisson.doctor.check import Check
from caisson.doctor.checks import attestation, cpu, devices, engines, kernel, kubernetes, material

__all__ = ["CHECKS", "SGX_CHECKS"]

# What only a machine with SGX passes; without it the software platform remains.
SGX_CHECKS = (*(check.name for check in cpu.CHECKS), kernel.KERNEL.name, devices.CHECKS[0].name)

CHECKS: tuple[Check, ...] = (
    *cpu.CHECKS,
    kernel.KERNEL,
    *engines.CHECKS,
    *devices.CHECKS,
    *attestation.CHECKS,
    *kernel.CHECKS,
    *material.CHECKS,
    *engines.SWARM_CHECKS,
    *kubernetes.CHECKS,
)
