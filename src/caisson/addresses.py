"""Addresses as they are written: `HOST:PORT`, where an IPv6 host stands in brackets (RFC 3986, section 3.2.2)."""


def bracketed(host: str) -> str:
    """Write a host as it stands before a colon and a port."""
    return f"[{host}]" if ":" in host else host


def unbracketed(host: str) -> str:
    """Read a host that was written so."""
    return host.removeprefix("[").removesuffix("]")


def authority(host: str, port: int) -> str:
    """Write a host and a port as one address."""
    return f"{bracketed(host)}:{port}"
