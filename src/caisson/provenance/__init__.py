"""What a publisher states about an image: its packages, its origin, its enclave; signed, attached, and verified."""

from caisson.provenance.appraisal import appraise, find_provenance
from caisson.provenance.attached import Attached, Kind, VerifiedProvenance, verify_provenance
from caisson.provenance.attachment import publish, read_attached
from caisson.provenance.component import Component
from caisson.provenance.inventory import Inventory
from caisson.provenance.key import ProvenanceKey, Publisher, PublisherId
from caisson.provenance.materials import require_recipe, require_source, runtime_in
from caisson.provenance.policy import ImagePolicy
from caisson.provenance.sbom import encode_sbom
from caisson.provenance.statement import Statement

__all__ = [
    "Attached",
    "Component",
    "ImagePolicy",
    "Inventory",
    "Kind",
    "ProvenanceKey",
    "Publisher",
    "PublisherId",
    "Statement",
    "VerifiedProvenance",
    "appraise",
    "encode_sbom",
    "find_provenance",
    "publish",
    "read_attached",
    "require_recipe",
    "require_source",
    "runtime_in",
    "verify_provenance",
]
