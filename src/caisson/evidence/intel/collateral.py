"""Collateral: what Intel says about its platforms, collected for one verification. Nothing here is verified yet.

The JSON form is the one of dcap-qvl's `QuoteCollateralV3`, so bundles can be exchanged with it.
"""

import json
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from caisson.errors import CrlRejected, Malformed
from caisson.evidence.signed_json import Fields, octets
from caisson.evidence.signed_list import SignedList, WholeList

_MOST_BYTES = 8 * 1024 * 1024
_MOST_CHAIN_BYTES = 16 * 1024
_SIGNATURE_SIZE = 64
_IN_HEX = frozenset({"root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature"})
_OPTIONAL = "pck_certificate_chain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """Chains in PEM, revocation lists in DER, the exact bytes that were signed, and signatures as r ‖ s (64 bytes).

    `pck_certificate_chain` is about one platform, and the rest about all of its kind: it does not count in comparisons.
    Only quotes that do not bring their PCK's chain are verified with it.
    """

    pck_crl_issuer_chain: bytes
    root_ca_crl: bytes
    pck_crl: bytes
    tcb_info_issuer_chain: bytes
    tcb_info: bytes
    tcb_info_signature: bytes
    qe_identity_issuer_chain: bytes
    qe_identity: bytes
    qe_identity_signature: bytes
    pck_certificate_chain: bytes | None = field(default=None, compare=False)

    @classmethod
    def parse(cls, raw: bytes | dict[str, Any]) -> "Collateral":
        """Read a bundle: a JSON object of text members, revocation lists and signatures in hexadecimal digits.

        `pck_certificate_chain` may be missing, or null.

        Raises:
            Malformed: not such an object, one with members nobody knows, or with chains that are longer than any.
        """
        if isinstance(raw, bytes) and len(raw) > _MOST_BYTES:
            raise Malformed(f"collateral has {len(raw)} bytes, more than {_MOST_BYTES}")
        found = Fields(raw, "collateral") if isinstance(raw, dict) else Fields.parse(raw, what="collateral")
        if unknown := found.value.keys() - {each.name for each in fields(cls)}:
            raise Malformed(f"collateral has unknown members: {', '.join(sorted(map(repr, unknown)))[:200]}")
        return cls(
            pck_crl_issuer_chain=_chain(found, "pck_crl_issuer_chain"),
            root_ca_crl=octets(found.text("root_ca_crl"), what="collateral: `root_ca_crl`"),
            pck_crl=octets(found.text("pck_crl"), what="collateral: `pck_crl`"),
            tcb_info_issuer_chain=_chain(found, "tcb_info_issuer_chain"),
            tcb_info=_encoded(found, "tcb_info"),
            tcb_info_signature=found.octets("tcb_info_signature", size=_SIGNATURE_SIZE),
            qe_identity_issuer_chain=_chain(found, "qe_identity_issuer_chain"),
            qe_identity=_encoded(found, "qe_identity"),
            qe_identity_signature=found.octets("qe_identity_signature", size=_SIGNATURE_SIZE),
            pck_certificate_chain=None if found.value.get(_OPTIONAL) is None else _chain(found, _OPTIONAL),
        )

    def encode(self) -> bytes:
        """Give the JSON form, one line."""
        members = ((each.name, getattr(self, each.name)) for each in fields(self))
        return json.dumps(
            {name: value.hex() if name in _IN_HEX else value.decode() for name, value in members if value is not None}
        ).encode()

    @property
    def next_update(self) -> datetime:
        """When the first part is due to be replaced, as the parts say it themselves.

        Nothing is verified here: this is for caches that want to refresh in time.

        Raises:
            Malformed: a part that does not say it.
        """
        documents = (Fields.parse(self.tcb_info, what="TCB info"), Fields.parse(self.qe_identity, what="QE identity"))
        return min(
            *(each.validity.ends for each in self.revocation_lists),
            *(document.moment("nextUpdate") for document in documents),
        )

    @property
    def revocation_lists(self) -> tuple[WholeList, WholeList]:
        """The root's list and that of the PCK's authority, as they are: nothing is verified here.

        Raises:
            Malformed: one is none.
        """
        try:
            root, pck = (
                SignedList.parse(der, what="list").read(what="list") for der in (self.root_ca_crl, self.pck_crl)
            )
        except CrlRejected as cause:
            raise Malformed("collateral has a revocation list that is none") from cause
        return root, pck


def _encoded(fields: Fields, name: str) -> bytes:
    try:
        return fields.text(name).encode()
    except UnicodeEncodeError as cause:
        raise Malformed(f"collateral: `{name}` is not text") from cause


def _chain(fields: Fields, name: str) -> bytes:
    # Chains are remembered with what was verified, and not every quote has that of its PCK read.
    chain = _encoded(fields, name)
    if len(chain) > _MOST_CHAIN_BYTES:
        raise Malformed(f"collateral: `{name}` has {len(chain)} bytes, more than {_MOST_CHAIN_BYTES}")
    return chain
