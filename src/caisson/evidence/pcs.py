"""The client of a provisioning service: a caching service (PCCS) for the PCS API v4, or the software platform."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

import httpx2

from caisson.errors import Malformed, Unavailable
from caisson.evidence.certificate import Certificate
from caisson.evidence.collateral import Collateral
from caisson.evidence.path import parse_chain
from caisson.evidence.pck import Fmspc, Pck
from caisson.sgx import PEM_CHAIN, Quote

_OK = 200
_MOST_BYTES = 4 * 1024 * 1024
_HEX = re.compile(rb"\s*((?:[0-9A-Fa-f]{2})+)\s*")
_PLATFORM_PHRASE = "PCK Platform CA"


class PckCa(StrEnum):
    """Which authority issued a PCK: its revocation list is the one that matters."""

    PROCESSOR = "processor"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformKind:
    """What quotes must share to share their collateral; good as a cache's key."""

    fmspc: Fmspc
    ca: PckCa


@dataclass(frozen=True, slots=True)
class _Answer:
    content: bytes
    headers: httpx2.Headers


@dataclass(frozen=True, slots=True)
class PcsClient:
    """Fetches collateral from `url`, for instance `http://127.0.0.1:8081/sgx/certification/v4/`.

    What it fetches is not trusted: whoever verifies a quote with it checks every part.
    """

    url: str
    client: httpx2.Client

    def collateral(self, quote: bytes) -> Collateral:
        """Fetch what verifying `quote` needs.

        Raises:
            Malformed: not a quote that carries its PCK chain.
            Unavailable: the service does not answer, or does not know this platform.
        """
        kind = platform_kind_of(quote)
        pck_crl = self._get("pckcrl", ca=kind.ca, encoding="der")
        tcb = self._get("tcb", fmspc=str(kind.fmspc))
        qe = self._get("qe/identity")
        tcb_info, tcb_signature = _document(tcb, "tcbInfo")
        qe_identity, qe_signature = _document(qe, "enclaveIdentity")
        return Collateral(
            pck_crl_issuer_chain=_chain(pck_crl, "SGX-PCK-CRL-Issuer-Chain"),
            root_ca_crl=_octets(self._get("rootcacrl").content),
            pck_crl=pck_crl.content,
            tcb_info_issuer_chain=_chain(tcb, "TCB-Info-Issuer-Chain"),
            tcb_info=tcb_info,
            tcb_info_signature=tcb_signature,
            qe_identity_issuer_chain=_chain(qe, "SGX-Enclave-Identity-Issuer-Chain"),
            qe_identity=qe_identity,
            qe_identity_signature=qe_signature,
        )

    def _get(self, path: str, **query: str) -> _Answer:
        address = f"{self.url.rstrip('/')}/{path}"
        content = bytearray()
        try:
            with self.client.stream("GET", address, params=query) as answer:
                if answer.status_code != _OK:
                    raise Unavailable(
                        f"the provisioning service answers `{path}` with status {answer.status_code}",
                        hint="does it know this kind of platform?",
                    )
                for piece in answer.iter_bytes():
                    content += piece
                    if len(content) > _MOST_BYTES:
                        raise Unavailable(
                            f"the provisioning service answers `{path}` with more than {_MOST_BYTES} bytes"
                        )
        except (httpx2.HTTPError, httpx2.InvalidURL) as cause:
            raise Unavailable(
                f"the provisioning service at `{self.url}` does not answer: {cause}", hint="check `--pcs`"
            ) from cause
        return _Answer(bytes(content), answer.headers)


def platform_kind_of(quote: bytes) -> PlatformKind:
    """Give the kind of platform that a quote claims to be from. Nothing is verified here.

    Raises:
        Malformed: not a quote that carries its PCK chain.
        ChainRejected: its PCK certificate does not say.
    """
    leaf = _leaf(quote)
    ca = PckCa.PLATFORM if _PLATFORM_PHRASE in leaf.issuer_name else PckCa.PROCESSOR
    return PlatformKind(fmspc=Pck.of(leaf).fmspc, ca=ca)


def _leaf(quote: bytes) -> Certificate:
    certification = Quote.parse(quote).signature.certification
    if certification.kind != PEM_CHAIN:
        raise Malformed(f"quote has certification data of type {certification.kind}, not a PEM chain")
    chain = parse_chain(certification.data)
    issuers = {certificate.issuer for certificate in chain}
    leaf = next((certificate for certificate in chain if certificate.subject not in issuers), None)
    if leaf is None:
        raise Malformed("quote has a PCK chain without a leaf")
    return leaf


def _document(answer: _Answer, member: str) -> tuple[bytes, bytes]:
    """Cut a signed document out of its envelope: the signature is over these exact bytes."""
    pattern = (
        rb'\s*\{\s*"' + member.encode() + rb'"\s*:\s*(\{.*\})\s*,\s*"signature"\s*:\s*"([0-9A-Fa-f]{128})"\s*\}\s*'
    )
    found = re.fullmatch(pattern, answer.content, re.DOTALL)
    if found is None or not _is_text(found[1]):
        raise Unavailable(f"the provisioning service gave no `{member}` with a signature")
    return found[1], bytes.fromhex(found[2].decode())


def _chain(answer: _Answer, header: str) -> bytes:
    if header not in answer.headers:
        raise Unavailable(f"the provisioning service's answer lacks the header `{header}`")
    return unquote(answer.headers[header]).encode()


def _octets(content: bytes) -> bytes:
    """Read a revocation list: hexadecimal digits as a PCCS gives it, or DER."""
    found = _HEX.fullmatch(content)
    return bytes.fromhex(found[1].decode()) if found else content


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
