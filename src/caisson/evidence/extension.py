"""Activation evidence in an X.509 certificate: DICE tagged evidence with a tag of our own.

Source: TCG DICE Attestation Architecture, "TaggedEvidence" (OID 2.23.133.5.4.9): a CBOR item that is tagged
with its format. Ours is `1128352083([quote, runtime data])`; the number spells "CAIS" in ASCII.
"""

import cbor2
from cryptography import x509

from caisson.errors import Malformed
from caisson.evidence.certificate import Certificate
from caisson.protocol import ActivationEvidence

OID = x509.ObjectIdentifier("2.23.133.5.4.9")
TAG = 0x43414953

_MOST_DEPTH = 4


def evidence_extension(evidence: ActivationEvidence) -> x509.UnrecognizedExtension:
    """Give the extension (not critical) that carries evidence."""
    return x509.UnrecognizedExtension(OID, _encode(evidence))


def evidence_of(certificate: x509.Certificate) -> ActivationEvidence:
    """Take the evidence out of a certificate. It is not verified by being there.

    Raises:
        Malformed: there is none, or it is not in its one spelling.
    """
    raw = Certificate.of(certificate).extensions.get(OID.dotted_string)
    if raw is None:
        raise Malformed("the certificate carries no evidence", hint="is this a confidential container's own TLS port?")
    return _decode(raw)


def _encode(evidence: ActivationEvidence) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(TAG, [evidence.quote, evidence.runtime_data]), canonical=True)


def _decode(raw: bytes) -> ActivationEvidence:
    try:
        item = cbor2.loads(
            raw, max_depth=_MOST_DEPTH, allow_indefinite=False, strict_hashable_types=True, immutable=True
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, ArithmeticError) as cause:
        raise Malformed("the certificate's evidence is not CBOR") from cause
    if not isinstance(item, cbor2.CBORTag) or item.tag != TAG:
        raise Malformed("the certificate's evidence is not of Caisson's kind")
    parts = item.value
    if not (isinstance(parts, tuple) and [type(part) for part in parts] == [bytes, bytes]):
        raise Malformed("the certificate's evidence is not a quote with runtime data")
    evidence = ActivationEvidence(quote=parts[0], runtime_data=parts[1])
    # One spelling only: whatever else the bytes hold would be covered by no signature of the evidence.
    if _encode(evidence) != raw:
        raise Malformed("the certificate's evidence is not in its one spelling")
    return evidence
