"""One description of a deployment, and pure functions from it to each platform's own files."""

from caisson.deploy.application import LABEL, PLATFORM_SOCKET, application, environment
from caisson.deploy.container import Container, Device, Mount
from caisson.deploy.deployment import Deployment, Publish, Resources, Restart, SgxDevices, Volume
from caisson.deploy.engine_request import create_request
from caisson.deploy.evidence import Evidence, HostAesmd, PlatformAddress, PlatformSocket, SidecarAesmd
from caisson.deploy.files import File
from caisson.deploy.image import HealthCheck, ImagePin, MeasuredImage, Runtime
from caisson.deploy.run_line import run_script

__all__ = [
    "LABEL",
    "PLATFORM_SOCKET",
    "Container",
    "Deployment",
    "Device",
    "Evidence",
    "File",
    "HealthCheck",
    "HostAesmd",
    "ImagePin",
    "MeasuredImage",
    "Mount",
    "PlatformAddress",
    "PlatformSocket",
    "Publish",
    "Resources",
    "Restart",
    "Runtime",
    "SgxDevices",
    "SidecarAesmd",
    "Volume",
    "application",
    "create_request",
    "environment",
    "run_script",
]
