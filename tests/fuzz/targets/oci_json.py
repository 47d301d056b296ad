"""OCI's JSON: manifests, indexes, configurations, and what refers to others."""

from caisson.errors import CaissonError
from caisson.oci import ImageConfig, ImageIndex, ImageManifest, MediaType
from caisson.oci.config import read_diff_ids
from caisson.oci.manifest import media_type_of
from caisson.oci.referrer import Referrer


def check(raw):
    for read in (
        ImageManifest.parse,
        ImageIndex.parse,
        ImageConfig.parse,
        read_diff_ids,
        media_type_of,
        lambda raw: Referrer.of(raw, MediaType.MANIFEST),
        lambda raw: Referrer.of(raw, MediaType.INDEX),
    ):
        try:
            read(raw)
        except CaissonError:
            continue
