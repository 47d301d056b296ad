"""The other end of a TLS connection, and the certificate that it shows."""

import socket
import ssl

from caisson.addresses import authority
from caisson.cli.starttls import StartTls
from caisson.errors import Malformed, Unavailable
from caisson.evidence import Certificate, Evidence, EvidenceForm

_PATIENCE = 10.0


def peer_certificate(host: str, port: int, starttls: StartTls = StartTls.NONE) -> Certificate:
    """Give the certificate of a TLS server, whoever signed it: its evidence is what counts.

    The handshake shows that the server holds the certificate's key.

    Raises:
        Unavailable: nobody answers, or not in TLS.
        Malformed: what it shows is no certificate.
    """
    return _certificate(_shown(host, port, starttls), host, port)


def peer_evidence(host: str, port: int, starttls: StartTls) -> Evidence:
    """Give the certificate of a TLS server as a piece of evidence, none of which is verified.

    Raises:
        Unavailable: nobody answers, or not in TLS.
        Malformed: what it shows is no certificate.
    """
    der = _shown(host, port, starttls)
    return Evidence(form=EvidenceForm.CERTIFICATE, raw=der, certificate=_certificate(der, host, port))


def _shown(host: str, port: int, starttls: StartTls) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE) as plain:
            starttls.ask(plain)
            with context.wrap_socket(plain, server_hostname=host) as stream:
                der = stream.getpeercert(binary_form=True)
    except (OSError, ValueError) as cause:  # ValueError: a host that no name can be
        raise Unavailable(
            f"`{authority(host, port)}` does not answer in TLS: {cause}",
            hint="does it run, and is this its TLS port? databases may need `--starttls`",
        ) from cause
    if der is None:
        raise Unavailable(f"`{authority(host, port)}` shows no certificate")
    return der


def _certificate(der: bytes, host: str, port: int) -> Certificate:
    try:
        return Certificate.parse(der)
    except Malformed as cause:
        raise Malformed(
            f"the certificate of `{authority(host, port)}` cannot be read", hint="is this the address that you meant?"
        ) from cause
