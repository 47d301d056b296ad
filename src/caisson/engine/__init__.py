"""Start and watch containers on an engine that is already there."""

from caisson.engine.api import DEFAULT_HOST
from caisson.engine.container import ContainerState, Endpoint, Listed
from caisson.engine.docker import Docker
from caisson.engine.event import EngineEvent
from caisson.engine.log import STDERR, STDOUT, Piece
from caisson.engine.strace import Recording, Room

__all__ = [
    "DEFAULT_HOST",
    "STDERR",
    "STDOUT",
    "ContainerState",
    "Docker",
    "Endpoint",
    "EngineEvent",
    "Listed",
    "Piece",
    "Recording",
    "Room",
]
