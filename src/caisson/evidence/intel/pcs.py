"""The client of a provisioning service: Intel's own (PCS API v4), a caching one (PCCS), or the software platform's."""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import unquote, urlsplit

import httpx2

from caisson.errors import Malformed, Rejected, Unavailable, UsageError
from caisson.evidence.certificate import Certificate
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.path import parse_chain
from caisson.evidence.intel.pck import Fmspc, Pck
from caisson.evidence.service import Answer, Service
from caisson.sgx import TEE_TDX, CertificationKind, PckIdentity, Quote, Quote4, parse_quote

INTEL_PCS = "https://api.trustedservices.intel.com"
# Intel's own service has no `rootcacrl`: the root's list is where the root's certificate says.
INTEL_ROOT_CRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"

_HEX = re.compile(rb"\s*((?:[0-9A-Fa-f]{2})+)\s*")
_PLATFORM_PHRASE = "PCK Platform CA"
_API = "/sgx/certification/v"
_VERSION = "4"
_SUBSCRIPTION = "Ocp-Apim-Subscription-Key"
QE_ID_SIZE = 16
_MOST_CHAIN = 64 * 1024
# What quoting enclaves that do not name their PCE have: there never was another.
_ONLY_PCE = bytes(2)
# Source: Intel SGX and TDX Provisioning Certification Service API v4; PCCS design guide, status codes.
_MEANINGS = {
    400: "it does not understand the query",
    401: "it asks for a token or a subscription key (`--pcs-key-file`)",
    404: "it has nothing about this kind of platform",
    410: "it has nothing of this TCB evaluation any more",
    460: "what the platform sent does not fit together",
    461: "it does not know this platform, which has to be registered first",
    462: "it has no certificates for the platform's TCB",
    502: "it got no answer from Intel's service",
}


class PckCa(StrEnum):
    """Which authority issued a PCK: its revocation list is the one that matters."""

    PROCESSOR = "processor"
    PLATFORM = "platform"


class Tee(StrEnum):
    """For which kind of evidence a platform's collateral is."""

    SGX = "sgx"
    TDX = "tdx"


class TcbUpdate(StrEnum):
    """Which of Intel's TCB evaluations: the one in force, or the next, before the time for updating is over."""

    STANDARD = "standard"
    EARLY = "early"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformKind:
    """What quotes must share to share their collateral; good as a cache's key."""

    tee: Tee
    fmspc: Fmspc
    ca: PckCa


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbChoice:
    """The TCB evaluation to ask for: by name, by number, or whichever the service gives by itself.

    Raises:
        UsageError: it is chosen both by name and by number.
    """

    update: TcbUpdate | None = None
    number: int | None = None

    def __post_init__(self) -> None:
        if self.update is not None and self.number is not None:
            raise UsageError("a TCB evaluation is chosen by name or by number, not by both")

    def query(self) -> dict[str, str]:
        """Give the choice as the API spells it."""
        if self.update is not None:
            return {"update": self.update}
        return {} if self.number is None else {"tcbEvaluationDataNumber": str(self.number)}


@dataclass(frozen=True, slots=True)
class PcsClient:
    """Fetches collateral from `url`, for instance `http://127.0.0.1:8081/sgx/certification/v4/`.

    What it fetches is not trusted: whoever verifies a quote with it checks every part. `subscription` is the key that
    Intel's own service asks for before it gives PCK certificates; nothing else is asked for with it.
    """

    url: str
    client: httpx2.Client
    choice: TcbChoice = TcbChoice()
    subscription: str | None = field(default=None, repr=False)

    def collateral(self, quote: bytes) -> Collateral:
        """Fetch what verifying `quote` needs.

        Raises:
            Malformed: not a quote, or one that neither brings its PCK's chain nor names its PCK.
            Unavailable: the service does not answer, or does not know this platform.
            UsageError: its address is one of another version of the API.
        """
        chain = self.pck_chain(quote)
        return replace(self.collateral_of(platform_kind_of(quote, chain)), pck_certificate_chain=chain)

    def pck_chain(self, quote: bytes) -> bytes | None:
        """Fetch the PCK's chain for a quote that only names its PCK; a quote that brings it needs none.

        Raises:
            Malformed: not a quote, or one that neither brings its PCK's chain nor names its PCK.
            Unavailable: the service does not answer, or does not know this platform.
            UsageError: its address is one of another version of the API.
        """
        parsed = parse_quote(quote)
        certification = parsed.signature.certification
        if certification.kind == CertificationKind.PEM_CHAIN:
            return None
        query = _pck_query(parsed)
        if not self._is_intels:
            # A PCCS files its platforms under the quoting enclave's id, which Intel's service does not know.
            query["qeid"] = parsed.header.user_data[:QE_ID_SIZE].hex()
        headers = {} if self.subscription is None else {_SUBSCRIPTION: self.subscription}
        answer = self._get(Tee.SGX, "pckcert", query, headers)
        chain = answer.content + _chain(answer, "SGX-PCK-Certificate-Issuer-Chain")
        if len(chain) > _MOST_CHAIN:
            raise Unavailable(f"the provisioning service gave a chain of more than {_MOST_CHAIN} bytes")
        try:
            Pck.of(_leaf(chain))
        except Rejected as cause:  # nothing that is wrong with an answer is a no to the quote
            raise Unavailable("the provisioning service gave no certificate of a PCK with its chain") from cause
        return chain

    def collateral_of(self, kind: PlatformKind) -> Collateral:
        """Fetch what verifying the quotes of one kind of platform needs.

        Raises:
            Unavailable: the service does not answer, or does not know this platform.
            UsageError: its address is one of another version of the API.
        """
        pck_crl = self._get(Tee.SGX, "pckcrl", {"ca": kind.ca, "encoding": "der"})
        tcb = self._get(kind.tee, "tcb", {"fmspc": str(kind.fmspc), **self.choice.query()})
        qe = self._get(kind.tee, "qe/identity", self.choice.query())
        tcb_info, tcb_signature = _document(tcb, "tcbInfo")
        qe_identity, qe_signature = _document(qe, "enclaveIdentity")
        return Collateral(
            pck_crl_issuer_chain=_chain(pck_crl, "SGX-PCK-CRL-Issuer-Chain"),
            root_ca_crl=_octets(self._root_crl()),
            pck_crl=_octets(pck_crl.content),
            tcb_info_issuer_chain=_chain(tcb, "TCB-Info-Issuer-Chain"),
            tcb_info=tcb_info,
            tcb_info_signature=tcb_signature,
            qe_identity_issuer_chain=_chain(qe, "SGX-Enclave-Identity-Issuer-Chain"),
            qe_identity=qe_identity,
            qe_identity_signature=qe_signature,
        )

    def _root_crl(self) -> bytes:
        if self._is_intels:
            return self._service.get(INTEL_ROOT_CRL, {}).content
        return self._get(Tee.SGX, "rootcacrl", {}).content

    @property
    def _is_intels(self) -> bool:
        return urlsplit(self.url).hostname == urlsplit(INTEL_PCS).hostname

    def _get(self, tee: Tee, path: str, query: dict[str, str], headers: dict[str, str] | None = None) -> Answer:
        address = self.url.rstrip("/")
        base, api, version = address.rpartition(_API)
        if api and version != _VERSION:
            raise UsageError(
                f"`{self.url}` is not an address of version {_VERSION} of the API, and the others have ended",
                hint=f"it ends in `{_API}{_VERSION}/`",
            )
        return self._service.get(f"{base if api else address}/{tee}/certification/v{_VERSION}/{path}", query, headers)

    @property
    def _service(self) -> Service:
        return Service(name="the provisioning service", client=self.client, meanings=_MEANINGS, option="--pcs")


def platform_kind_of(quote: bytes, chain: bytes | None = None) -> PlatformKind:
    """Give the kind of platform that a quote claims to be from. Nothing is verified here.

    `chain` is the PCK's, for a quote that does not bring it.

    Raises:
        Malformed: not a quote that carries its PCK chain, and none is given.
        ChainRejected: its PCK certificate does not say.
    """
    parsed = parse_quote(quote)
    certification = parsed.signature.certification
    if certification.kind == CertificationKind.PEM_CHAIN:
        chain = certification.data
    if chain is None:
        raise Malformed(
            f"quote has certification data of type {certification.kind}, not a PEM chain that says its platform's kind",
            hint="`caisson collateral fetch` gets the chain for quotes that name their PCK, as `pck_certificate_chain`",
        )
    leaf = _leaf(chain)
    return PlatformKind(
        tee=Tee.TDX if parsed.header.tee_type == TEE_TDX else Tee.SGX,
        fmspc=Pck.of(leaf).fmspc,
        ca=PckCa.PLATFORM if _PLATFORM_PHRASE in leaf.issuer_name else PckCa.PROCESSOR,
    )


def _pck_query(quote: Quote | Quote4) -> dict[str, str]:
    """Ask for the PCK that a quote names; which of its platform's keys, the security versions say."""
    certification = quote.signature.certification
    pck = PckIdentity.parse(certification.kind, certification.data)
    query = {
        "cpusvn": str(pck.cpu_svn),
        "pcesvn": pck.pce_svn.to_bytes(2, "little").hex(),
        "pceid": (pck.pce_id or _ONLY_PCE).hex(),
    }
    if pck.kind is CertificationKind.PPID_RSA_3072:  # the one form of a PPID that the API has
        query["encrypted_ppid"] = pck.ppid.hex()
    return query


def _leaf(pem: bytes) -> Certificate:
    chain = parse_chain(pem)
    issuers = {certificate.issuer for certificate in chain}
    leaf = next((certificate for certificate in chain if certificate.subject not in issuers), None)
    if leaf is None:
        raise Malformed("quote has a PCK chain without a leaf")
    return leaf


def _document(answer: Answer, member: str) -> tuple[bytes, bytes]:
    """Cut a signed document out of its envelope: the signature is over these exact bytes."""
    pattern = (
        rb'\s*\{\s*"' + member.encode() + rb'"\s*:\s*(\{.*\})\s*,\s*"signature"\s*:\s*"([0-9A-Fa-f]{128})"\s*\}\s*'
    )
    found = re.fullmatch(pattern, answer.content, re.DOTALL)
    if found is None or not _is_text(found[1]):
        raise Unavailable(f"the provisioning service gave no `{member}` with a signature")
    return found[1], bytes.fromhex(found[2].decode())


def _chain(answer: Answer, header: str) -> bytes:
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
