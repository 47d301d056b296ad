"""Registries: the OCI distribution protocol, as a client (distribution-spec 1.1)."""

from caisson.oci.registry.access import DEFAULT_ACCESS, Access
from caisson.oci.registry.name import RegistryName
from caisson.oci.registry.repository import Repository
from caisson.oci.registry.retry import Retry

__all__ = ["DEFAULT_ACCESS", "Access", "RegistryName", "Repository", "Retry"]
