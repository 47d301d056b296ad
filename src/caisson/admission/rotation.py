"""Certificates that change while connections are served."""

import ssl
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from caisson.admission.certificate import ServingCertificate
from caisson.errors import UsageError


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # each connection sees the certificate of its time
    return context


class OwnCertificate:
    """A certificate of our own making.

    `publish` tells the API server of a new authority (PEM), at a time, before its certificate is used. It is renewed
    when a third of its lifetime is over; the old authority is trusted until its end.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        publish: Callable[[str, datetime], None],
        *,
        lifetime: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._names = names
        self._publish = publish
        self._lifetime = lifetime
        self._clock = clock
        self._due: datetime | None = None
        self.context = _context()

    def renew(self) -> bool:
        """Make a new certificate if it is time; tell whether it was.

        Raises:
            Rejected: the API server does not let us publish.
            Unavailable: it does not answer; the certificate of before stays.
        """
        now = self._clock()
        if self._due is not None and now < self._due:
            return False
        made = ServingCertificate.issue(self._names, at=now, lifetime=self._lifetime)
        self._publish(made.authority_pem, now)
        # `ssl` loads keys from files only: this one is encrypted under a password that is never written.
        password = token_hex(32)
        key = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
        with tempfile.NamedTemporaryFile() as file:
            file.write(key + made.leaf.public_bytes(Encoding.PEM))
            file.flush()
            self.context.load_cert_chain(file.name, password=password)
        self._due = now + self._lifetime / 3
        return True


class FileCertificate:
    """A certificate that somebody else renews, in files; it is read again when they change."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._seen: tuple[int, ...] | None = None
        self.context = _context()

    def renew(self) -> bool:
        """Read the files if they changed; tell whether they did.

        Raises:
            UsageError: they cannot be read, or do not belong together.
        """
        try:
            seen = tuple(file.stat().st_mtime_ns for file in self._files)
            if seen == self._seen:
                return False
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as cause:
            raise UsageError(
                f"`{self._files[0]}` and its key cannot be used: {cause}",
                hint="are both in PEM form, and do they belong together?",
            ) from cause
        self._seen = seen
        return True
