"""`caisson evidence inspect`: everything that evidence holds, believed by nobody yet."""

from pathlib import Path
from typing import Any

import click

from caisson.cli.files import named, read_bytes
from caisson.cli.output import emit, json_option
from caisson.errors import CaissonError
from caisson.evidence import (
    EVIDENCE_FORMS,
    Certificate,
    Evidence,
    EvidenceForm,
    Part,
    RaTlsEvidence,
    evidence_of,
    parse_chain,
    quote_anatomy,
    report_anatomy,
)
from caisson.protocol import RuntimeData

_SHOWN = 16


@click.command(epilog="\b\nExample:\n  caisson evidence inspect quote.bin --bytes")
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option("--bytes", "with_bytes", is_flag=True, help="Name every byte, in order.")
@json_option
def command(*, evidence: Path, with_bytes: bool, as_json: bool) -> None:
    """Show what EVIDENCE holds: a quote, an SNP report, a certificate that carries evidence, or activation evidence.

    Nothing of it is verified. Whoever made the file can have written anything into it.
    """
    with named(evidence, hint=EVIDENCE_FORMS):
        found = Evidence.recognise(read_bytes(evidence))
        raw = found.raw if found.form is EvidenceForm.SNP_REPORT else found.quote
        parts = report_anatomy(raw) if found.form is EvidenceForm.SNP_REPORT else quote_anatomy(raw)
    data: dict[str, Any] = {
        "form": found.form.value,
        **_container(found),
        "fields": {part.name: _value(part) for part in parts if _counts(part)},
        "certificates": [_certificate(each) for each in _chain(parts)],
    }
    if with_bytes:
        data["bytes"] = [
            {"offset": part.offset, "size": len(part.raw), "name": part.name, "hex": part.raw.hex()} for part in parts
        ]
    emit({"verified": False, **data}, human=_words(data, parts if with_bytes else ()), as_json=as_json)


def byte_table(parts: tuple[Part, ...]) -> str:
    """Write the table of all bytes."""
    width = max(len(part.name) for part in parts)
    lines = [f"{'offset':>6}  {'size':>5}  {'name':<{width}}  value"]
    lines += [f"{part.offset:>6}  {len(part.raw):>5}  {part.name:<{width}}  {_short(part)}" for part in parts]
    return "\n".join(lines)


def _counts(part: Part) -> bool:
    """Tell whether a part is worth a line of the summary: no padding, no key material, no sizes."""
    words = ("reserved", "signature", "attestation key:", "size", "certification data", "authentication data", "QE ")
    return not part.name.startswith(words)


def _value(part: Part) -> int | str:
    return part.raw.hex() if part.number is None else part.number


def _short(part: Part) -> str:
    if part.number is not None:
        return str(part.number)
    if not any(part.raw):
        return "zero"
    shown = part.raw[:_SHOWN].hex()
    return shown if len(part.raw) <= _SHOWN else f"{shown}…"


def _container(found: Evidence) -> dict[str, Any]:
    """Say what the quote came in."""
    if found.activation is not None:
        return {"runtime_data": _runtime_data(found.activation.runtime_data)}
    if found.certificate is None:
        return {}
    outside: dict[str, Any] = {"certificate": _certificate(found.certificate)}
    try:
        evidence = RaTlsEvidence.of(found.certificate)
    except CaissonError:
        return outside | {"runtime_data": _runtime_data(evidence_of(found.certificate).runtime_data)}
    claims = evidence.claims
    return outside | {
        "extensions": [bound.where for bound in evidence.quotes],
        "claims": None if claims is None else ["pubkey-hash", *claims.others],
    }


def _runtime_data(raw: bytes) -> dict[str, str] | None:
    try:
        data = RuntimeData.parse(raw)
    except CaissonError:
        return None
    return {"workload": data.workload, "nonce": str(data.nonce), "key_server": str(data.server_key_hash)}


def _chain(parts: tuple[Part, ...]) -> tuple[Certificate, ...]:
    """Give the certificates in a quote, as far as they can be read."""
    last = parts[-1]
    if not last.name.startswith("certification data: a PEM"):
        return ()
    try:
        return parse_chain(last.raw)
    except CaissonError:
        return ()


def _certificate(certificate: Certificate) -> dict[str, str]:
    return {
        "subject": certificate.common_name,
        "issuer": certificate.issuer_name,
        "from": certificate.validity.begins.isoformat(),
        "until": certificate.validity.ends.isoformat(),
    }


def _flat(value: dict[str, str] | list[str]) -> str:
    return ", ".join(f"{name} {said}" for name, said in value.items()) if isinstance(value, dict) else ", ".join(value)


def _words(data: dict[str, Any], parts: tuple[Part, ...]) -> str:
    around = (name for name in ("runtime_data", "certificate", "extensions", "claims") if data.get(name) is not None)
    lines = [f"{data['form']}, not verified", *(f"  {name.replace('_', ' ')}: {_flat(data[name])}" for name in around)]
    width = max(map(len, data["fields"]))
    lines += [f"  {name:<{width}}  {value}" for name, value in data["fields"].items()]
    lines += [
        f"  certificate  `{each['subject']}` by `{each['issuer']}` until {each['until']}"
        for each in data["certificates"]
    ]
    return "\n".join(lines) + (f"\n\n{byte_table(parts)}" if parts else "")
