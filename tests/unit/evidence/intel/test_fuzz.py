"""Whatever arrives, nothing leaves the error tree, and nothing is accepted that says anything else."""

import base64
import random
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from caisson.errors import Rejected
from caisson.evidence import Collateral, platform_kind_of
from caisson.sgx import Quote

ROUNDS = 1500


def mutate(octets, random):
    """Change a few bytes, cut some out, repeat some, or put some in."""
    changed = bytearray(octets)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(changed) + 1)
        size = random.choice((1, 1, 2, 4, 64))
        match random.randrange(5):
            case 0:
                changed[at : at + size] = random.randbytes(size)
            case 1:
                del changed[at : at + size]
            case 2:
                changed[at:at] = changed[at : at + size]
            case 3:
                changed[at:at] = random.randbytes(size)
            case _ if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
    return bytes(changed)


@pytest.fixture
def dice():
    return random.Random(20261123)


def test_mutated_quotes(scene, dice):
    good = scene.verify()
    for _ in range(ROUNDS):
        quote = mutate(scene.quote, dice)
        try:
            assert scene.verify(quote=quote).report == good.report
        except Rejected:
            continue


def test_mutated_chains_in_quotes(scene, dice):
    good = scene.verify()
    start = scene.quote.index(b"-----BEGIN")
    for _ in range(ROUNDS):
        chain = mutate(scene.quote[start:], dice)
        head = bytearray(scene.quote[:start])
        head[-4:] = len(chain).to_bytes(4, "little")
        head[432:436] = (len(head) - 436 + len(chain)).to_bytes(4, "little")
        quote = bytes(head) + chain
        for read in (lambda: platform_kind_of(quote), lambda: scene.verify(quote=quote)):  # noqa: B023 - called at once
            try:
                read()
            except Rejected:
                continue
    assert scene.verify() == good


def test_mutated_certificates(scene, dice, platform):
    """DER under valid PEM: the changes reach the readers of certificates."""
    issued = platform.provisioning
    chain = [each.certificate.public_bytes(Encoding.DER) for each in (issued.pck, issued.pck_ca, issued.root)]
    section = Quote.parse(scene.quote).signature
    for _ in range(ROUNDS):
        index = dice.randrange(3)
        parts = [mutate(der, dice) if at == index else der for at, der in enumerate(chain)]
        data = b"".join(armoured(der) for der in parts)
        quote = scene.with_signature(certification=replace(section.certification, data=data)).quote
        for read in (lambda: platform_kind_of(quote), lambda: scene.verify(quote=quote)):  # noqa: B023 - called at once
            try:
                read()
            except Rejected:
                continue


def armoured(der):
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "part",
    [
        *("pck_crl_issuer_chain", "root_ca_crl", "pck_crl", "tcb_info_issuer_chain", "tcb_info", "tcb_info_signature"),
        *("qe_identity_issuer_chain", "qe_identity", "qe_identity_signature"),
    ],
)
def test_mutated_collateral(scene, dice, part):
    good = scene.verify()
    text = scene.collateral[part]
    binary = part.endswith(("_crl", "_signature"))
    octets = bytes.fromhex(text) if binary else text.encode()
    for _ in range(ROUNDS // 5):
        changed = mutate(octets, dice)
        value = changed.hex() if binary else changed.decode("utf-8", "replace")
        try:
            assert scene.with_collateral(**{part: value}).verify().report == good.report
        except Rejected:
            continue


@pytest.mark.parametrize("part", ["tcb_info", "qe_identity"])
def test_mutated_statements_that_are_signed(scene, dice, part):
    """The signer went mad: what it signs is read, and nothing but a verdict comes out."""
    octets = scene.collateral[part].encode()
    for _ in range(ROUNDS // 3):
        text = mutate(octets, dice).decode("utf-8", "replace")
        try:
            scene.with_text(part, text).verify()
        except Rejected:
            continue


def test_mutated_bundles(scene, dice):
    octets = Collateral.parse(scene.collateral).encode()
    for _ in range(ROUNDS):
        try:
            collateral = Collateral.parse(mutate(octets, dice))
        except Rejected:
            continue
        assert Collateral.parse(collateral.encode()) == collateral
