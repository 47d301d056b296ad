"""Whether a server speaks TLS, as every entry of the catalog does."""

import socket
import ssl

from caisson.cli.starttls import StartTls
from caisson.errors import CaissonError


def answers(port: int, starttls: str) -> str | None:
    """Give the version of TLS that a finished handshake has, or None. What the certificate says is not looked at."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            StartTls(starttls).ask(plain)
            with context.wrap_socket(plain) as connection:
                return connection.version()
    except (OSError, CaissonError):
        return None
