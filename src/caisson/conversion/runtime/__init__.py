"""Runtime bundles on disk: found in installations, packages and images; kept by their content."""

from caisson.conversion.runtime.debian import unpack
from caisson.conversion.runtime.host import HostFiles
from caisson.conversion.runtime.release import Release, find_release
from caisson.conversion.runtime.store import RuntimeStore, StoredRuntime

__all__ = ["HostFiles", "Release", "RuntimeStore", "StoredRuntime", "find_release", "unpack"]
