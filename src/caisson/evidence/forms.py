"""Which form of evidence somebody has in hand, told by its first bytes; none of it is verified by having a form."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from caisson.errors import Malformed
from caisson.evidence.binding.tls import quote_of
from caisson.evidence.certificate import Certificate
from caisson.evidence.intel.path import parse_chain
from caisson.evidence.snp.wrapping import report_in
from caisson.protocol import ActivationEvidence
from caisson.sgx import without_padding

MOST_BYTES = 1 << 20
EVIDENCE_FORMS = (
    "evidence is a quote or an SNP report in raw bytes, a certificate (PEM or DER), or activation evidence (JSON)"
)
_PEM, _DER, _JSON = b"-----BEGIN CERTIFICATE-----", b"\x30", b"{"
# No quote, report or certificate in DER is all text; many a tool writes them so.
_TEXT = (
    (re.compile(rb"(0x)?[0-9A-Fa-f][0-9A-Fa-f\s]*"), "in hexadecimal digits", "`xxd -r -p` gives the bytes"),
    (re.compile(rb"[A-Za-z0-9+/_-][A-Za-z0-9+/=_\s-]*"), "in base64 by its letters", "`base64 -d` gives the bytes"),
    (re.compile(rb"[\x20-\x7e\s]+"), "neither PEM nor JSON", EVIDENCE_FORMS),
)


class EvidenceForm(StrEnum):
    """The forms; `CERTIFICATE` and `ACTIVATION` have a quote inside."""

    QUOTE = "quote"
    SNP_REPORT = "snp-report"
    CERTIFICATE = "certificate"
    ACTIVATION = "activation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The bytes of one piece of evidence, and its form. `certificate` and `activation` are there in their form only.

    `raw` is what was given, but of an SNP report it is the report alone, without what it came in, and of a quote the
    quote alone, without the zeros that a driver's buffer is filled up with.
    """

    form: EvidenceForm
    raw: bytes
    certificate: Certificate | None = None
    activation: ActivationEvidence | None = None

    @classmethod
    def recognise(cls, raw: bytes) -> Self:
        """Tell the form: a certificate in PEM or DER, activation evidence in JSON, an SNP report, or else a quote.

        Raises:
            Malformed: nothing, or nothing but zeros, more than a mebibyte, text that stands for bytes, or a certificate
                or activation evidence that cannot be read.
        """
        if not 0 < len(raw) <= MOST_BYTES:
            raise Malformed(
                f"evidence has {len(raw)} bytes, which is nothing, or more than {MOST_BYTES}",
                hint=EVIDENCE_FORMS,
            )
        if not any(raw):
            raise Malformed("evidence is nothing but zeros, as a buffer that nobody filled", hint=EVIDENCE_FORMS)
        if raw.lstrip().startswith(_PEM):
            return cls(form=EvidenceForm.CERTIFICATE, raw=raw, certificate=_first(raw))
        if raw.lstrip().startswith(_JSON):
            return cls(form=EvidenceForm.ACTIVATION, raw=raw, activation=ActivationEvidence.parse(raw))
        _require_bytes(raw)
        if raw.startswith(_DER):
            return cls(form=EvidenceForm.CERTIFICATE, raw=raw, certificate=Certificate.parse(raw))
        # A quote has the type of its key where a report has zeros, so that neither is taken for the other.
        report = report_in(raw)
        if report is not None:
            return cls(form=EvidenceForm.SNP_REPORT, raw=report)
        return cls(form=EvidenceForm.QUOTE, raw=without_padding(raw))

    @property
    def quote(self) -> bytes:
        """The quote in it.

        Raises:
            Malformed: an SNP report has none, and a certificate may have none.
            BindingRejected: the certificate's evidence is about another key.
        """
        if self.certificate is not None:
            return quote_of(self.certificate)
        if self.activation is not None:
            return self.activation.quote
        if self.form is EvidenceForm.SNP_REPORT:
            raise Malformed("an SNP report is no quote")
        return self.raw


def _require_bytes(raw: bytes) -> None:
    for pattern, what, hint in _TEXT:
        if pattern.fullmatch(raw):
            raise Malformed(f"evidence is text, {what}", hint=hint)


def _first(pem: bytes) -> Certificate:
    """Read the first certificate of a file, in which people leave empty lines."""
    return parse_chain(b"\n".join(line for line in pem.split(b"\n") if line.rstrip(b"\r")))[0]
