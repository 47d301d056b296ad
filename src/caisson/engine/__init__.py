"""Start and watch containers on an engine that is already there."""

from caisson.engine.container import ContainerState, Endpoint
from caisson.engine.docker import Docker
from caisson.engine.strace import Recording, Room

__all__ = ["ContainerState", "Docker", "Endpoint", "Recording", "Room"]
