"""OCI's JSON: manifests, indexes and configurations."""

from caisson.errors import CaissonError
from caisson.oci import ImageConfig, ImageIndex, ImageManifest


def check(raw):
    for kind in (ImageManifest, ImageIndex, ImageConfig):
        try:
            kind.parse(raw)
        except CaissonError:
            continue
