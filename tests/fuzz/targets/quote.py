"""Quotes of version 3, 4 and 5: what is read is written as the same bytes, and only what was signed is genuine."""

from dataclasses import replace

from caisson.evidence import Evidence, VerifiedTd, platform_kind_of, quote_anatomy
from caisson.sgx import QeSignature, QuoteParts, parse_quote, without_padding
from caisson.tdx import parse_td_body
from tests.fuzz.evidence import DOMAIN, PLATFORM, SCENE, each, real
from tests.unit.evidence.domains import DomainScene

ENCLAVE = SCENE.verify().report


def check(raw):
    each(
        lambda: _again(raw),
        lambda: _parts(raw),
        lambda: _named(raw),
        lambda: platform_kind_of(raw),
        lambda: Evidence.recognise(raw),
        lambda: _genuine(raw),
    )


def _again(raw):
    assert parse_quote(raw).encode() == raw


def _parts(raw):
    parts = QuoteParts.parse(raw)
    assert raw.startswith(parts.signed)
    assert without_padding(raw + bytes(8)) == raw
    each(
        lambda: QeSignature.parse(parts.signature + parts.voucher, version=parts.version),
        lambda: parse_td_body(parts.body),
    )


def _named(raw):
    assert b"".join(part.raw for part in quote_anatomy(raw)) == raw


def _genuine(raw):
    domain = DOMAIN if raw[4:5] == b"\x81" else replace(DOMAIN, collateral=SCENE.collateral)
    verified = domain.verify(quote=raw)
    assert (verified.body if isinstance(verified, VerifiedTd) else verified.report) in (DOMAIN.body, ENCLAVE)


def extra_seeds():
    domains = [DomainScene.on(PLATFORM, ENCLAVE, version).quote for version in (4, 5)]
    return [SCENE.quote, DOMAIN.quote, *domains, *real("*/*/quote.bin")]
