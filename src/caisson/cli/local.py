"""The software platform and the key server that `caisson up` starts on this machine, and `caisson down` stops."""

import contextlib
from dataclasses import dataclass
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from caisson.cli.address import split
from caisson.cli.connection import read_text
from caisson.cli.home import Home
from caisson.enclave import SigningKey
from caisson.errors import Unavailable
from caisson.keyserver import KeyServerClient, initialise_state, public_face, read_private, write_private
from caisson.platform import read_state
from caisson.protocol import ServerKeyHash

_TRUST_DOMAIN = "caisson.local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The services of one home while they run. `pcs` and `key_server` are URLs, the latter as containers reach it.

    `platform` is host and port of the platform on TCP, if it was wanted there. `fresh` are services of which one at
    least did not run before.
    """

    home: Home
    pcs: str
    key_server: str
    platform: tuple[str, int] | None = None
    fresh: bool = False

    @classmethod
    def start(cls, home: Home, *, address: str, tcp: bool = False) -> Self:
        """Start what does not run yet; the key server listens on `address`, where containers can reach it.

        With `tcp` so does the platform, whose socket is out of reach inside Gramine. A platform that is of no use
        because the key server does not start is stopped again.

        Raises:
            Unavailable: one of them does not start, or the platform runs already, and not on TCP.
        """
        with home.locked():
            return cls._start(home, address, tcp=tcp)

    @classmethod
    def _start(cls, home: Home, address: str, *, tcp: bool) -> Self:
        platform_ran, server_ran = home.platform.running(), home.server.running()
        if not platform_ran:
            home.server.stop()  # it would ask the old platform's address for collateral
        arguments = ["platform", "serve", "--home", str(home.path), "--socket-mode", "666", "--pcs", f"{address}:0"]
        arguments += ["--tcp", f"{address}:0"] if tcp else []
        ready = home.platform.start(arguments, addresses=2 + tcp)
        pcs = next((found for found in ready if found.startswith("http")), None)
        if pcs is None:
            raise Unavailable("the platform that runs offers no collateral", hint="stop it with `caisson down --all`")
        platform = next((found.removeprefix("tcp:") for found in ready if found.startswith("tcp:")), None)
        if tcp and platform is None:
            raise Unavailable(
                "the platform that runs does not listen on TCP, which Gramine needs",
                hint="stop it with `caisson down --all`; it is the same one when it starts again",
            )
        try:
            key_server = _start_key_server(home, address, pcs)
        except BaseException:
            if not platform_ran:
                home.platform.stop()
            raise
        return cls(
            home=home,
            pcs=pcs,
            key_server=key_server,
            platform=None if platform is None else split(platform),
            fresh=not (platform_ran and server_ran),
        )

    @staticmethod
    def stop(home: Home) -> tuple[str, ...]:
        """Stop what runs; give the names of what ran."""
        with home.locked():
            return tuple(service.name for service in (home.server, home.platform) if service.stop())

    @property
    def pin(self) -> ServerKeyHash:
        """The hash of the key server's identity key, for images built here."""
        return public_face(self.home.server_state).key_hash

    @property
    def root_pem(self) -> str:
        """The software platform's root certificate."""
        certificate: x509.Certificate = read_state(self.home.platform_state).provisioning.root.certificate
        return certificate.public_bytes(Encoding.PEM).decode()

    def client(self) -> KeyServerClient:
        """Connect to the key server as its operator."""
        token = read_private(self.home.operator_token, what="operator's token")
        return KeyServerClient.connect(self.key_server, ca=read_text(self.home.server_ca), token=token)


def signing_key(home: Home) -> SigningKey:
    """Give the home's signing key; the first time it is made."""
    with home.locked():
        if not home.signing_key.exists():
            write_private(home.signing_key, SigningKey.generate().to_pem(None))
    return SigningKey.load(home.signing_key.read_bytes())


def _start_key_server(home: Home, address: str, pcs: str) -> str:
    _initialise(home)
    listening = home.server.start(
        [
            *("keyserver", "serve", "--state", str(home.server_state), "--unseal-key-file", str(home.unseal_key)),
            *("--listen", f"{address}:0", "--pcs", pcs, "--san", address, "--san", "localhost"),
        ],
        addresses=1,
    )
    return listening[0]


def _initialise(home: Home) -> None:
    if home.operator_token.exists():
        return
    server, token = initialise_state(home.server_state, home.unseal_key, trust_domain=_TRUST_DOMAIN)
    with contextlib.closing(server.store):
        home.server_ca.write_text(server.face.ca_pem)
        write_private(home.operator_token, token.reveal())  # last: it says that all is there
