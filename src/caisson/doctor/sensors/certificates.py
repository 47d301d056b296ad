"""A PCCS, asked for what it gives to everybody."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from caisson.doctor.readings import Certificates, QuoteProvider, Unread
from caisson.errors import CrlRejected, Unavailable
from caisson.evidence import INTEL_PCS, INTEL_ROOT_CRL, Answer, PckCa, Service, SignedList, web_client

_PATIENCE = 8.0


def web_client_for(provider: QuoteProvider) -> httpx2.Client:
    """Make a client that trusts what the quote provider is configured to trust."""
    if provider.secure:
        return web_client(patience=_PATIENCE)
    return httpx2.Client(timeout=_PATIENCE, trust_env=False, verify=False)


def ask_pccs(
    provider: QuoteProvider | Unread | None,
    *,
    client: Callable[[QuoteProvider], httpx2.Client] = web_client_for,
) -> Certificates | Unread:
    """Ask for the root's revocation list, that of PCKs, and the quoting enclave's identity."""
    if not isinstance(provider, QuoteProvider) or provider.pccs_url is None:
        return Unread(unread="nothing tells where it is")
    with client(provider) as http:
        service = Service(name="the PCCS", client=http, option="pccs_url", seconds=2 * _PATIENCE)
        base = provider.pccs_url.rstrip("/")
        intel = urlsplit(base).hostname == urlsplit(INTEL_PCS).hostname
        try:
            root = service.get(INTEL_ROOT_CRL if intel else f"{base}/rootcacrl", {})
        except Unavailable as error:
            reached, root = error.message, None
        else:
            reached = ""
        revocation = identity = ""
        if not reached:
            # Which of the two authorities issued this machine's certificate is not known before it is asked for.
            revocation = min((_missing(service, f"{base}/pckcrl", {"ca": ca}) for ca in PckCa), key=bool)
            identity = _missing(service, f"{base}/qe/identity", {})
    return Certificates(
        url=base,
        reached=reached,
        revocation=revocation,
        identity=identity,
        root_expiry=None if root is None else _expiry(root),
        clock=None if root is None else _clock(root),
    )


def _missing(service: Service, url: str, query: dict[str, str]) -> str:
    try:
        service.get(url, query)
    except Unavailable as error:
        return error.message
    return ""


def _expiry(answer: Answer) -> int | None:
    """Read a revocation list: hexadecimal digits, as a PCCS gives it, or DER."""
    try:
        raw = bytes.fromhex(answer.content.decode("ascii"))
    except ValueError:
        raw = answer.content
    try:
        end = SignedList.parse(raw, what="list").read(what="list").validity.ends
    except CrlRejected:
        return None
    return max(0, int(end.timestamp()))


def _clock(answer: Answer) -> int | None:
    try:
        return max(0, int(parsedate_to_datetime(answer.headers.get("date", "")).timestamp()))
    except (TypeError, ValueError, OverflowError):
        return None
