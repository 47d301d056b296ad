"""What a service of Compose and one of a Swarm stack have in common."""

from typing import Any

from caisson.deploy.container import Container
from caisson.deploy.image import HealthCheck


def volumes(container: Container) -> list[dict[str, Any]]:
    """Give the mounts in the long notation: of a host path that is missing no directory is made."""
    return [
        {"type": mount.kind, "source": mount.source, "target": mount.target}
        | ({"read_only": True} if mount.read_only else {})
        for mount in container.mounts
    ]


def health_check(health: HealthCheck | None) -> dict[str, Any] | None:
    """Give the health check."""
    if health is None:
        return None
    return {
        "test": ["CMD", *health.command],
        "interval": f"{health.interval}s",
        "timeout": f"{health.timeout}s",
        "start_period": f"{health.start_period}s",
        "retries": health.retries,
    }
