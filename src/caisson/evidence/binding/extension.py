"""Activation evidence in an X.509 certificate: DICE tagged evidence with a tag of our own.

Ours is `1128352083([quote, runtime data])`; the number spells "CAIS" in ASCII.
"""

from cryptography import x509

from caisson.errors import Malformed
from caisson.evidence.binding import tagged
from caisson.evidence.certificate import Certificate
from caisson.protocol import ActivationEvidence

OID = x509.ObjectIdentifier(tagged.OID)
TAG = 0x43414953

_WHAT = "the certificate's evidence"


def evidence_extension(evidence: ActivationEvidence) -> x509.UnrecognizedExtension:
    """Give the extension (not critical) that carries evidence."""
    return x509.UnrecognizedExtension(OID, tagged.write_tagged(TAG, evidence.quote, evidence.runtime_data))


def evidence_of(certificate: Certificate) -> ActivationEvidence:
    """Take the evidence out of a certificate. It is not verified by being there.

    Raises:
        Malformed: there is none, or it is not in its one spelling.
    """
    raw = certificate.extensions.get(tagged.OID)
    if raw is None:
        raise Malformed("the certificate carries no evidence", hint=tagged.NO_EVIDENCE)
    quote, runtime_data = tagged.read_tagged(raw, tag=TAG, what=_WHAT, parts="a quote with runtime data")
    return ActivationEvidence(quote=quote, runtime_data=runtime_data)
