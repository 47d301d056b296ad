"""Ports of the host, where containers are started one by one."""

from caisson.deploy.deployment import Deployment
from caisson.errors import UsageError

LOOPBACK = "127.0.0.1"


def require_free_ports(deployment: Deployment) -> None:
    """Refuse to give one port of the host to several containers.

    Raises:
        UsageError: that is asked for.
    """
    taken = [port.host_port for port in deployment.publish if port.host_port]
    if deployment.replicas > 1 and taken:
        raise UsageError(
            f"{deployment.replicas} containers cannot all be port {taken[0]} of the host",
            hint="leave out the host's port, and the engine chooses one for each",
        )
