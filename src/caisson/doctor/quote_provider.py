"""Configuration files of Intel's quoting: `sgx_default_qcnl.conf` (JSON, with comments) and `aesmd.conf` (lines).

Source: Intel DCAP, `QuoteGeneration/qcnl/linux/sgx_default_qcnl.conf`; the PSW's `aesmd.conf`.
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from caisson.addresses import authority, bracketed
from caisson.doctor.readings import AesmdConfiguration, QuoteProvider

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*(?:.*?\*/|.*)', re.DOTALL)
_KINDS = {"pccs_url": str, "collateral_service": str, "use_secure_cert": bool, "local_cache_only": bool}
_QUOTING_TYPE = re.compile(r"^[ \t]*default quoting type[ \t]*=[ \t]*(\S+)[ \t]*$", re.MULTILINE)
_MOST_TEXT = 1024


def parse_quote_provider(path: str, text: str) -> QuoteProvider:
    """Read the quote provider's configuration; what is wrong with it becomes its `problem`.

    Headers and parameters in it, which may be keys, are left out, as are user, password and query of its addresses.
    """
    try:
        document = json.loads(_without_comments(text))
    except (ValueError, RecursionError) as cause:
        return QuoteProvider(path=path, problem=f"it is not JSON: {str(cause)[:200]}")
    if not isinstance(document, dict):
        return QuoteProvider(path=path, problem="it is no JSON object")
    for name, kind in _KINDS.items():
        if name in document and not isinstance(document[name], kind):
            wanted = "text" if kind is str else "`true` or `false`"
            return QuoteProvider(path=path, problem=f"`{name}` is not {wanted}, and is passed over")
    try:
        pccs, collateral = (_address(document.get(name)) for name in ("pccs_url", "collateral_service"))
    except ValueError as cause:
        return QuoteProvider(path=path, problem=str(cause))
    return QuoteProvider(
        path=path,
        problem=None if pccs else "it has no `pccs_url`",
        pccs_url=pccs,
        collateral_url=collateral,
        secure=document.get("use_secure_cert", True),
        local_only=document.get("local_cache_only", False),
    )


def parse_aesmd_configuration(path: str, text: str) -> AesmdConfiguration:
    """Read the kind of quotes that aesmd makes when nobody says which; comments begin with `#`."""
    found = _QUOTING_TYPE.search(text)
    return AesmdConfiguration(path=path, quoting_type=None if found is None else found[1][:_MOST_TEXT])


def _without_comments(text: str) -> str:
    """Take out `//…` and `/*…*/`, but not in strings: addresses have two slashes."""
    return _TOKEN.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)


def _address(value: Any) -> str | None:
    if not value:
        return None
    problem = f"`{str(value)[:40]}…` is no address"
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(problem) from None
    if parts.scheme not in ("http", "https") or not host or len(value) > _MOST_TEXT:
        raise ValueError(problem)
    where = bracketed(host) if port is None else authority(host, port)
    return f"{parts.scheme}://{where}{parts.path}"
