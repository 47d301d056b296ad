"""Whom a registry's connection trusts, and when it is not encrypted."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx2

from caisson import __version__
from caisson.errors import Unavailable, UsageError
from caisson.oci.registry.access import Access
from caisson.oci.registry.name import is_loopback

_TIMEOUT = httpx2.Timeout(15, read=60, write=60, pool=None)
_SYSTEM_DIRECTORIES = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))


def connect(host: str, access: Access) -> tuple[httpx2.Client, str]:
    """Give a client for one host, and the scheme to speak with it.

    Redirects are not followed: the session does that, without credentials. Proxies are those of the environment.

    Raises:
        UsageError: a certificate cannot be read.
        Unavailable: nothing answers, or it is not who it claims to be.
    """
    client = httpx2.Client(
        verify=tls_context(host, access),
        transport=access.transport,
        timeout=_TIMEOUT,
        headers={"User-Agent": f"caisson/{__version__}", "Accept-Encoding": "identity"},
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=access.workers),
    )
    try:
        return client, _scheme(client, host, access)
    except BaseException:
        client.close()
        raise


def tls_context(host: str, access: Access) -> ssl.SSLContext:
    """Trust the system's roots ($SSL_CERT_FILE, $SSL_CERT_DIR), `tls_ca`, and what lies in `certs.d/HOST`.

    `certs.d` is as Docker and containers-certs.d(5) have it: `*.crt` are roots, `*.cert` with `*.key` a client's.
    """
    context = ssl.create_default_context()
    if access.tls_ca is not None:
        _load(context, access.tls_ca)
    for directory in _directories(host):
        for root in sorted(directory.glob("*.crt")):
            _load(context, root)
        for certificate in sorted(directory.glob("*.cert")):
            try:
                context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            except (OSError, ssl.SSLError) as cause:
                raise UsageError(
                    f"`{certificate}` and its key cannot be used: {cause}",
                    hint="are both in PEM form, and do they belong together?",
                ) from cause
    return context


def _load(context: ssl.SSLContext, roots: Path) -> None:
    try:
        context.load_verify_locations(cafile=roots)
    except (OSError, ssl.SSLError) as cause:
        raise UsageError(
            f"`{roots}` holds no certificates in PEM form: {cause}", hint="name a file that begins with `-----BEGIN`"
        ) from cause


def _directories(host: str) -> Iterator[Path]:
    configuration = os.environ.get("XDG_CONFIG_HOME") or str(Path(os.environ.get("HOME") or "/nonexistent") / ".config")
    for above in (Path(configuration) / "containers" / "certs.d", *_SYSTEM_DIRECTORIES):
        if (above / host).is_dir():
            yield above / host


def _scheme(client: httpx2.Client, host: str, access: Access) -> str:
    """Speak HTTPS; only with this machine, or when asked to, plain HTTP if HTTPS is not what is spoken there.

    A certificate that does not hold is no reason to do without.
    """
    if not (access.insecure_plain_http or is_loopback(host)):
        return "https"
    try:
        client.get(f"https://{host}/v2/")
    except httpx2.ConnectError as error:
        if _is_certificate_error(error):
            raise unreachable(host, error) from error
    except httpx2.TransportError:
        pass
    else:
        return "https"
    return "http"


def unreachable(host: str, error: httpx2.TransportError) -> Unavailable:
    """Say why a registry cannot be reached."""
    if _is_certificate_error(error):
        return Unavailable(
            f"registry `{host}` has a certificate that does not hold: {error}",
            hint="name its certificate authority with `--tls-ca FILE`",
        )
    return Unavailable(
        f"registry `{host}` cannot be reached: {str(error) or type(error).__name__}",
        hint="check the name of the registry, and the network and its proxy",
    )


def _is_certificate_error(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
