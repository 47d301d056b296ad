"""RA-TLS certificates: self-signed, made inside an enclave, carrying a quote that is bound to their key.

Two forms exist, and Gramine writes both into one certificate:

* DICE tagged evidence `60000([quote, claims])` (Gramine from 1.8 on, RATS-TLS, Intel's SDK): the claims are a CBOR map
  with the hash of the key, and `report_data` is the SHA-256 of the claims.
* Gramine's older extension, a bare quote: `report_data` is the SHA-256 of the SubjectPublicKeyInfo. Its constant
  wrongly holds tag and length of an OID inside the OID's content, so it reads as 0.6.9.42.840.113741.1337.6.

Source: "Interoperable RA-TLS" of the Confidential Computing Consortium; Gramine, `tools/sgx/ra-tls`.
"""

from dataclasses import dataclass
from hashlib import sha256, sha384, sha512
from hmac import compare_digest
from typing import Self

from caisson.errors import BindingRejected, Malformed
from caisson.evidence.binding import tagged
from caisson.evidence.certificate import Certificate
from caisson.sgx import ReportData

TAG = 60000
LEGACY_OID = "0.6.9.42.840.113741.1337.6"
# Intel's SDK repeats the quote under the number that PCK certificates use for something else.
SDK_OID = "1.2.840.113741.1.13.1"

_WHAT = "the certificate's RA-TLS evidence"
_KEY_HASH, _NONCE = "pubkey-hash", "nonce"
# The IANA registry "Named Information Hash Algorithm".
_HASHES = {1: sha256, 7: sha384, 8: sha512}
_PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the quote vouches for beside the enclave; `raw` is the CBOR that was hashed.

    `others` are names of claims of the program's own: vouched for as well, and nobody's business here.
    """

    raw: bytes
    algorithm: int
    key_hash: bytes
    nonce: bytes | None
    others: tuple[str, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a map from text to byte strings, with the hash of a key among them.

        Raises:
            Malformed: not such a map, or one that is bound to no key.
        """
        what = f"{_WHAT}: claims"
        claims = tagged.read_item(raw, what=what)
        if not hasattr(claims, "items") or any((type(k), type(v)) != (str, bytes) for k, v in claims.items()):
            raise Malformed(f"{what} are not a map from text to byte strings")
        if _KEY_HASH not in claims:
            raise Malformed(f"{what} lack `{_KEY_HASH}`, so that they are bound to no key")
        entry = tagged.read_item(claims[_KEY_HASH], what=f"{what}: `{_KEY_HASH}`")
        if not isinstance(entry, tuple) or [type(part) for part in entry] != [int, bytes]:
            raise Malformed(f"{what}: `{_KEY_HASH}` is not an algorithm with a hash")
        algorithm, key_hash = entry
        if algorithm not in _HASHES or len(key_hash) != _HASHES[algorithm]().digest_size:
            raise Malformed(f"{what}: `{_KEY_HASH}` is not a hash by SHA-256, SHA-384 or SHA-512")
        return cls(
            raw=raw,
            algorithm=algorithm,
            key_hash=key_hash,
            nonce=claims.get(_NONCE),
            others=tuple(sorted(set(claims) - {_KEY_HASH, _NONCE})),
        )

    def require_key(self, spki: bytes) -> None:
        """Refuse any key but the one that the claims name.

        Raises:
            BindingRejected: it is another.
        """
        if not compare_digest(_HASHES[self.algorithm](spki).digest(), self.key_hash):
            raise BindingRejected("the evidence in the certificate is about another key")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundQuote:
    """A quote, and what all 64 bytes of its `report_data` have to be; `where` names its extension."""

    where: str
    quote: bytes
    report_data: ReportData


@dataclass(frozen=True, slots=True, kw_only=True)
class RaTlsEvidence:
    """What a certificate carries: at least one quote, none of it verified. The older form has no claims."""

    quotes: tuple[BoundQuote, ...]
    claims: Claims | None

    @classmethod
    def of(cls, certificate: Certificate) -> Self:
        """Take all of it out of a certificate.

        Raises:
            Malformed: there is none, or a part that is not well-formed.
            BindingRejected: the claims name another key.
        """
        quotes, claims = [], None
        if (value := certificate.extensions.get(tagged.OID)) is not None:
            quote, raw = tagged.read_tagged(value, tag=TAG, what=_WHAT, parts="a quote with claims")
            claims = Claims.parse(raw)
            claims.require_key(certificate.spki)
            quotes.append(BoundQuote(where=tagged.OID, quote=quote, report_data=_padded(sha256(raw).digest())))
            if (again := certificate.extensions.get(SDK_OID)) is not None:
                quotes.append(BoundQuote(where=SDK_OID, quote=again, report_data=quotes[0].report_data))
        if (bare := certificate.extensions.get(LEGACY_OID)) is not None:
            bound = _padded(sha256(certificate.spki).digest())
            quotes.append(BoundQuote(where=LEGACY_OID, quote=bare, report_data=bound))
        if not quotes:
            raise Malformed("the certificate carries no RA-TLS evidence", hint=tagged.NO_EVIDENCE)
        return cls(quotes=tuple(quotes), claims=claims)


def _padded(digest: bytes) -> ReportData:
    return ReportData(digest.ljust(ReportData.SIZE, b"\0"))
