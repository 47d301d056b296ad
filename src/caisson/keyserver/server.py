"""The key server's core: its keys, its store and what is kept there. No HTTP, no evidence."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from caisson.errors import SealBroken, UsageError
from caisson.keyserver.audit import AuditLog, origin_details
from caisson.keyserver.ca import CertificateAuthority
from caisson.keyserver.challenges import Challenges
from caisson.keyserver.model import SCHEMA_VERSION, ServerRow
from caisson.keyserver.records import Records
from caisson.keyserver.sealing import RootKey
from caisson.keyserver.secret import Secret
from caisson.keyserver.store import Store
from caisson.keyserver.tokens import Tokens
from caisson.protocol import ServerKeyHash, canonical, encode_identity

LOCAL_ACTOR = "local"
_KEYS = "keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFace:
    """What anyone may know of a server: its identity key and CA certificate, both DER."""

    identity: bytes
    ca_certificate: bytes
    trust_domain: str

    @property
    def key_hash(self) -> ServerKeyHash:
        """What images pin and evidence carries."""
        return ServerKeyHash.of(self.identity)

    @property
    def ca_pem(self) -> str:
        """The CA certificate in PEM."""
        return x509.load_der_x509_certificate(self.ca_certificate).public_bytes(Encoding.PEM).decode()

    @classmethod
    def load(cls, store: Store) -> Self:
        """Read it from a database that stays sealed; only opening the server proves that it is true.

        Raises:
            UsageError: the database holds no key server, or one of another version.
        """
        with store.read() as session:
            row = session.get(ServerRow, 1)
            if row is None:
                raise UsageError(
                    "the database holds no key server", hint="create one with `caisson keyserver init --state DIR`"
                )
            if row.schema_version != SCHEMA_VERSION:
                raise UsageError(f"the database has schema {row.schema_version}, this program knows {SCHEMA_VERSION}")
            return cls(identity=row.identity, ca_certificate=row.ca_certificate, trust_domain=row.trust_domain)


class KeyServer:
    """An unsealed key server. `clock` gives Unix seconds."""

    def __init__(
        self,
        store: Store,
        root_key: RootKey,
        *,
        identity: Ed25519PrivateKey,
        ca: CertificateAuthority,
        clock: Callable[[], float],
    ) -> None:
        self.store = store
        self.identity = identity
        self.ca = ca
        self.challenges = Challenges(store)
        self.workloads = Records("workload", root_key)
        self.secrets = Records("secret", root_key)
        self.tokens = Tokens(root_key)
        self.audit = AuditLog(root_key)
        self.face = _face(identity, ca)
        self._clock = clock

    @classmethod
    def create(
        cls,
        store: Store,
        root_key: RootKey,
        *,
        trust_domain: str,
        clock: Callable[[], float] = time.time,
        first_token: Secret | None = None,
    ) -> tuple[Self, Secret]:
        """Make a new server in an empty database, and give its first operator's token, made or chosen.

        Raises:
            UsageError: the database already holds a server, or what was chosen is no token.
        """
        now = int(clock())
        identity = Ed25519PrivateKey.generate()
        ca = CertificateAuthority.create(trust_domain, at=datetime.fromtimestamp(now, UTC))
        server = cls(store, root_key, identity=identity, ca=ca, clock=clock)
        with store.write() as session:
            if session.get(ServerRow, 1) is not None:
                raise UsageError("the database already holds a key server", hint="choose another directory")
            face = server.face
            session.add(
                ServerRow(
                    id=1,
                    schema_version=SCHEMA_VERSION,
                    trust_domain=trust_domain,
                    identity=face.identity,
                    ca_certificate=face.ca_certificate,
                )
            )
            Records(_KEYS, root_key).put(session, "server", _encode_keys(identity, ca), label="keys", now=now)
            server.audit.append(
                session,
                "initialised",
                actor=LOCAL_ACTOR,
                now=now,
                details=origin_details(face.identity, trust_domain),
            )
            info, token = server.tokens.create(session, "first", now=now, chosen=first_token)
            server.audit.append(
                session,
                "token-created",
                actor=LOCAL_ACTOR,
                now=now,
                details={"token": info.identifier, "name": info.name},
            )
        return server, token

    @staticmethod
    def lives_in(store: Store) -> bool:
        """Tell whether a database holds a server."""
        with store.read() as session:
            return session.get(ServerRow, 1) is not None

    @classmethod
    def open(cls, store: Store, root_key: RootKey, *, clock: Callable[[], float] = time.time) -> Self:
        """Unseal the server of a database.

        Raises:
            UsageError: the database holds no server.
            SealBroken: the root key is another one, or the server's row or the end of the audit log was changed.
        """
        face = PublicFace.load(store)
        with store.read() as session:
            _, keys = Records(_KEYS, root_key).get(session, "server")
            identity, ca = _decode_keys(keys)
            server = cls(store, root_key, identity=identity, ca=ca, clock=clock)
            server.audit.head(session)
        if server.face != face:
            raise SealBroken("the server's public row is not the sealed one", hint="restore the database from a backup")
        return server

    def now(self) -> int:
        """The server's time in Unix seconds."""
        return int(self._clock())


def _face(identity: Ed25519PrivateKey, ca: CertificateAuthority) -> PublicFace:
    return PublicFace(
        identity=encode_identity(identity.public_key()),
        ca_certificate=ca.certificate.public_bytes(Encoding.DER),
        trust_domain=ca.trust_domain,
    )


def _encode_keys(identity: Ed25519PrivateKey, ca: CertificateAuthority) -> Secret:
    return Secret(
        canonical.encode(
            {
                "identity": canonical.base64_text(_private(identity)),
                "ca_key": canonical.base64_text(_private(ca.key)),
                "ca_certificate": canonical.base64_text(ca.certificate.public_bytes(Encoding.DER)),
                "trust_domain": ca.trust_domain,
            }
        )
    )


def _decode_keys(content: Secret) -> tuple[Ed25519PrivateKey, CertificateAuthority]:
    members = canonical.Members(canonical.decode(content.reveal(), what="server keys"), what="server keys")
    identity = load_der_private_key(members.octets("identity"), None)
    key = load_der_private_key(members.octets("ca_key"), None)
    certificate = x509.load_der_x509_certificate(members.octets("ca_certificate"))
    trust_domain = members.text("trust_domain")
    members.finish()
    if not isinstance(identity, Ed25519PrivateKey) or not isinstance(key, EllipticCurvePrivateKey):
        raise SealBroken("the server's keys are of another kind", hint="restore the database from a backup")
    return identity, CertificateAuthority(key=key, certificate=certificate, trust_domain=trust_domain)


def _private(key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
