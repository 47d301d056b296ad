"""Whether a policy for images accepts an image, with what is attached to it where it is."""

from pathlib import Path

from caisson import oci
from caisson.conversion import VerifiedImage
from caisson.errors import PolicyRejected, ProvenanceRejected, SignatureRejected
from caisson.provenance.attached import VerifiedProvenance, verify_provenance
from caisson.provenance.attachment import read_attached
from caisson.provenance.key import Publisher
from caisson.provenance.policy import ImagePolicy


def appraise(
    policy: ImagePolicy,
    reference: oci.Reference,
    image: oci.Image,
    verified: VerifiedImage,
    *,
    access: oci.Access,
    scratch: Path,
) -> VerifiedProvenance | None:
    """Appraise an image, and what is attached to it if the policy asks for that; all mismatches are named at once.

    Raises:
        PolicyRejected: it is not accepted.
        UsageError: provenance is asked for, and the image is in a place to which nothing can be attached.
        Unavailable: the place does not answer.
    """
    provenance: VerifiedProvenance | None = None
    faults: tuple[str, ...] = ()
    if policy.provenance is not None:
        try:
            provenance = find_provenance(
                reference, image, verified, policy.provenance.publishers, access=access, scratch=scratch
            )
        except (SignatureRejected, ProvenanceRejected) as error:
            faults = error.reasons if isinstance(error, ProvenanceRejected) else (error.message,)
    if reasons := (*policy.mismatches(verified, provenance), *faults):
        raise PolicyRejected(reasons)
    return provenance


def find_provenance(
    reference: oci.Reference,
    image: oci.Image,
    verified: VerifiedImage,
    publishers: tuple[Publisher, ...],
    *,
    access: oci.Access,
    scratch: Path,
) -> VerifiedProvenance:
    """Read what is attached to an image where it is, and verify it; see `verify_provenance`.

    Raises:
        UsageError: the image is in a place to which nothing can be attached.
    """
    with oci.open_reader(reference, access, scratch=scratch) as (reader, _):
        attached = read_attached(reader, image.digest, scratch=scratch)
    return verify_provenance(attached, image, verified, publishers)
