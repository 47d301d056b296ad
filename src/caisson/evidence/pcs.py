"""The client of a provisioning service: a caching service (PCCS) for the PCS API v4, or the software platform."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

import httpx2
from cryptography import x509

from caisson.errors import Malformed, Unavailable
from caisson.evidence.certificates import parse_chain
from caisson.evidence.collateral import Collateral
from caisson.evidence.pck import Fmspc, Pck
from caisson.sgx import PEM_CHAIN, Quote

_OK = 200
_MOST_BYTES = 4 * 1024 * 1024
_HEX = re.compile(rb"\s*((?:[0-9A-Fa-f]{2})+)\s*")
_PLATFORM_CA, _PROCESSOR_CA = "platform", "processor"
_PLATFORM_PHRASE = "PCK Platform CA"


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
        leaf = _leaf(quote)
        fmspc = Pck.of(leaf).fmspc
        ca = _PLATFORM_CA if _PLATFORM_PHRASE in leaf.issuer.rfc4514_string() else _PROCESSOR_CA
        pck_crl = self._get("pckcrl", ca=ca, encoding="der")
        tcb = self._get("tcb", fmspc=str(fmspc))
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

    def _get(self, path: str, **query: str) -> httpx2.Response:
        address = f"{self.url.rstrip('/')}/{path}"
        try:
            answer = self.client.get(address, params=query)
        except (httpx2.HTTPError, httpx2.InvalidURL) as cause:
            raise Unavailable(
                f"the provisioning service at `{self.url}` does not answer: {cause}", hint="check `--pcs`"
            ) from cause
        if answer.status_code != _OK:
            raise Unavailable(f"the provisioning service answers `{path}` with status {answer.status_code}")
        if len(answer.content) > _MOST_BYTES:
            raise Unavailable(f"the provisioning service answers `{path}` with {len(answer.content)} bytes")
        return answer


def fmspc_of(quote: bytes) -> Fmspc:
    """Give the kind of platform that a quote claims to be from; quotes of one kind share their collateral.

    Raises:
        Malformed: not a quote that carries its PCK chain.
        ChainRejected: its PCK certificate does not say.
    """
    return Pck.of(_leaf(quote)).fmspc


def _leaf(quote: bytes) -> x509.Certificate:
    certification = Quote.parse(quote).signature.certification
    if certification.kind != PEM_CHAIN:
        raise Malformed(f"quote has certification data of type {certification.kind}, not a PEM chain")
    chain = parse_chain(certification.data)
    issuers = {certificate.issuer for certificate in chain}
    leaf = next((certificate for certificate in chain if certificate.subject not in issuers), None)
    if leaf is None:
        raise Malformed("quote has a PCK chain without a leaf")
    return leaf


def _document(answer: httpx2.Response, member: str) -> tuple[bytes, bytes]:
    """Cut a signed document out of its envelope: the signature is over these exact bytes."""
    pattern = (
        rb'\s*\{\s*"' + member.encode() + rb'"\s*:\s*(\{.*\})\s*,\s*"signature"\s*:\s*"([0-9A-Fa-f]{128})"\s*\}\s*'
    )
    found = re.fullmatch(pattern, answer.content, re.DOTALL)
    if found is None:
        raise Unavailable(f"the provisioning service gave no `{member}` with a signature")
    return found[1], bytes.fromhex(found[2].decode())


def _chain(answer: httpx2.Response, header: str) -> bytes:
    if header not in answer.headers:
        raise Unavailable(f"the provisioning service's answer lacks the header `{header}`")
    return unquote(answer.headers[header]).encode()


def _octets(content: bytes) -> bytes:
    """Read a revocation list: hexadecimal digits as a PCCS gives it, or DER."""
    found = _HEX.fullmatch(content)
    return bytes.fromhex(found[1].decode()) if found else content
