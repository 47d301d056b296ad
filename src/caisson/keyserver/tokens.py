"""Operators' bearer tokens: 256 random bits, of which only the SHA-256 is kept, sealed."""

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy.orm import Session

from caisson.errors import TokenRejected, Unknown, UsageError
from caisson.keyserver.records import RecordInfo, Records
from caisson.keyserver.sealing import RootKey
from caisson.keyserver.secret import Secret
from caisson.protocol import canonical

TOKEN_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_.@-]{0,61}[a-z0-9])?")
_TOKEN = re.compile(rb"caisson-([0-9a-f]{16})-[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """A token without its secret: what it is called by, for whom it was made, and when (Unix seconds)."""

    identifier: str
    name: str
    created: int


class Tokens:
    """Makes, checks and revokes tokens."""

    def __init__(self, root_key: RootKey) -> None:
        self._records = Records("token", root_key)

    def create(
        self, session: Session, name: str, *, now: int, chosen: Secret | None = None
    ) -> tuple[TokenInfo, Secret]:
        """Make a token for `name`, or take the `chosen` one; its text is given here and never again.

        Raises:
            UsageError: nobody may be called so, or what was chosen is no token.
        """
        if not TOKEN_NAME.fullmatch(name):
            raise UsageError(
                f"`{name[:80]}` is not a name for a token", hint="use at most 63 of a-z, 0-9, -, _, . and @"
            )
        if chosen is None:
            chosen = Secret(f"caisson-{secrets.token_hex(8)}-{secrets.token_hex(32)}".encode())
        shape = _TOKEN.fullmatch(chosen.reveal())
        if shape is None:
            raise UsageError(
                "what was chosen is no operator's token", hint="write `caisson-`, 16 and then `-` and 64 hex digits"
            )
        identifier = shape[1].decode()
        content = canonical.encode({"digest": sha256(chosen.reveal()).hexdigest(), "name": name})
        info = self._records.put(session, identifier, Secret(content), label=name, now=now)
        return _token_info(info), chosen

    def authenticate(self, session: Session, token: Secret) -> str:
        """Give the name for which a valid token was made.

        Raises:
            TokenRejected: not a token, unknown, or revoked; which of these is not said.
        """
        shape = _TOKEN.fullmatch(token.reveal())
        name, expected = "", bytes(32)
        if shape is not None:
            try:
                _, content = self._records.get(session, shape[1].decode())
            except Unknown:
                shape = None
            else:
                members = canonical.Members(
                    canonical.decode(content.reveal(), what="token record"), what="token record"
                )
                name, expected = members.text("name"), bytes.fromhex(members.text("digest"))
        # The comparison also happens for what is no token, so that time tells nothing.
        same = hmac.compare_digest(sha256(token.reveal()).digest(), expected)
        if shape is None or not same:
            raise TokenRejected("the token is not valid", hint="give an operator's token with `--token-file`")
        return name

    def current(self, session: Session) -> tuple[TokenInfo, ...]:
        """List the tokens that are valid."""
        return tuple(_token_info(info) for info in self._records.current(session))

    def revoke(self, session: Session, identifier: str, *, now: int) -> None:
        """End a token at once.

        Raises:
            Unknown: there is none of that identifier.
        """
        self._records.remove(session, identifier, now=now, erase=True)


def _token_info(info: RecordInfo) -> TokenInfo:
    return TokenInfo(identifier=info.name, name=info.label, created=info.created)
