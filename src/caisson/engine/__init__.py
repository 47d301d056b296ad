"""Start and watch containers on an engine that is already there."""

from caisson.engine.container import Bind, ContainerSpec, ContainerState, Endpoint, Publish
from caisson.engine.docker import Docker

__all__ = ["Bind", "ContainerSpec", "ContainerState", "Docker", "Endpoint", "Publish"]
