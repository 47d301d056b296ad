"""The author's key in a token - a smart card, an HSM, a service - reached through its PKCS #11 module."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import pkcs11
from pkcs11.types import SignMixin

from caisson.enclave.pkcs11_uri import Pkcs11Uri
from caisson.enclave.signing_key import require_kind
from caisson.enclave.sigstruct import mr_signer_of
from caisson.errors import Unavailable, UsageError
from caisson.sgx import MrSigner


class TokenKey:
    """A private key that never leaves its token; a `Signer`. Its `repr` shows only the MRSIGNER."""

    __slots__ = ("_key", "_modulus")

    def __init__(self, key: SignMixin, *, modulus: int) -> None:
        self._key = key
        self._modulus = modulus

    @classmethod
    @contextmanager
    def open(cls, uri: Pkcs11Uri, pin: bytes | None) -> Iterator[Self]:
        """Log in to the token and find the key. Session and module end with the context, so one is open at a time.

        Raises:
            UsageError: no such module, token or key, or several; a PIN that is wrong; another kind of key.
            Unavailable: the token does not do what it is asked.
        """
        with _token(uri) as token, _session(token, pin) as session:
            key = _key(session, uri, logged_in=pin is not None)
            if not isinstance(key, SignMixin):
                raise UsageError("the token's key may not sign", hint="its attribute CKA_SIGN says what it is for")
            yield cls(key, modulus=_modulus(session, key))

    @property
    def modulus(self) -> int:
        """The public modulus."""
        return self._modulus

    @property
    def mr_signer(self) -> MrSigner:
        """What enclaves signed with this key say about their author."""
        return mr_signer_of(self._modulus)

    def sign(self, message: bytes) -> bytes:
        """Sign with RSASSA-PKCS1-v1_5 and SHA-256: 384 bytes, big-endian.

        Raises:
            Unavailable: the token does not sign, or not in this way.
        """
        try:
            return self._key.sign(message, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS)
        except pkcs11.PKCS11Error as cause:
            raise _failed(cause) from cause

    def __repr__(self) -> str:
        return f"<TokenKey {self.mr_signer}>"


@contextmanager
def _token(uri: Pkcs11Uri) -> Iterator[pkcs11.Token]:
    try:
        module = pkcs11.lib(str(uri.module_path))
    except pkcs11.PKCS11Error as cause:
        raise UsageError(
            f"PKCS #11 module `{uri.module_path}` cannot be used: {_words(cause)}", hint="is that the module's path?"
        ) from cause
    try:
        yield _only(module.get_slots(token_present=True), uri)
    finally:
        module.finalize()


def _only(slots: list[pkcs11.Slot], uri: Pkcs11Uri) -> pkcs11.Token:
    try:
        tokens = [token for slot in slots if _fits(token := slot.get_token(), uri)]
    except pkcs11.PKCS11Error as cause:
        raise _failed(cause) from cause
    if len(tokens) != 1:
        raise UsageError(
            f"{len(tokens) or 'no'} tokens are as the PKCS #11 URI says",
            hint="name one by `token` or `serial`: `pkcs11-tool --list-slots` shows them",
        )
    return tokens[0]


def _session(token: pkcs11.Token, pin: bytes | None) -> pkcs11.Session:
    try:
        return token.open(user_pin=None if pin is None else pin.decode())
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, UnicodeDecodeError) as cause:
        raise UsageError(
            "the token refuses the PIN", hint="most tokens lock themselves after a few wrong ones"
        ) from cause
    except pkcs11.PKCS11Error as cause:
        raise _failed(cause) from cause


def _fits(token: pkcs11.Token, uri: Pkcs11Uri) -> bool:
    facts = (
        (uri.token, token.label),
        (uri.serial, token.serial.decode(errors="replace")),
        (uri.manufacturer, token.manufacturer_id),
        (uri.model, token.model),
    )
    return all(asked is None or asked == found.strip() for asked, found in facts)


def _key(session: pkcs11.Session, uri: Pkcs11Uri, *, logged_in: bool) -> pkcs11.PrivateKey:
    asked = {
        pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY,
        pkcs11.Attribute.LABEL: uri.object,
        pkcs11.Attribute.ID: uri.id,
    }
    try:
        found = list(session.get_objects({name: value for name, value in asked.items() if value is not None}))
    except pkcs11.PKCS11Error as cause:
        raise _failed(cause) from cause
    if len(found) != 1 or not isinstance(found[0], pkcs11.PrivateKey):
        hint = "name it by its `id`, too" if found else "does the URI name it as the token does?"
        raise UsageError(
            f"{len(found) or 'no'} private keys of the token are as the PKCS #11 URI says",
            hint=hint if logged_in else "without a PIN, a token hides its private keys",
        )
    return found[0]


def _modulus(session: pkcs11.Session, key: pkcs11.PrivateKey) -> int:
    """Give the modulus of an RSA key; its exponent may be told by the public key only."""
    try:
        if key.key_type is not pkcs11.KeyType.RSA:
            raise UsageError("the token's key is not an RSA key", hint="SGX knows RSA-3072 with exponent 3 only")
        modulus = int.from_bytes(key[pkcs11.Attribute.MODULUS], "big")
        exponent = int.from_bytes(_exponent(session, key), "big")
    except pkcs11.PKCS11Error as cause:
        raise _failed(cause) from cause
    require_kind(bits=modulus.bit_length(), exponent=exponent)
    return modulus


def _exponent(session: pkcs11.Session, key: pkcs11.PrivateKey) -> bytes:
    try:
        return bytes(key[pkcs11.Attribute.PUBLIC_EXPONENT])
    except pkcs11.AttributeTypeInvalid:
        public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, id=key.id)
        return bytes(public[pkcs11.Attribute.PUBLIC_EXPONENT])


def _failed(cause: pkcs11.PKCS11Error) -> Unavailable:
    return Unavailable(f"the token fails: {_words(cause)}", hint="is it still there, and may this user use the key?")


def _words(cause: pkcs11.PKCS11Error) -> str:
    return str(cause) or type(cause).__name__
