"""A small AMD of our own: keys, certificates and reports as the real one makes them, one thing changed on demand."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from caisson.evidence import Certificate
from caisson.snp import GuestPolicy, Report, Signature

AT = datetime(2026, 6, 1, tzinfo=UTC)
BEGINS, ENDS = AT - timedelta(days=30), AT + timedelta(days=300)
AMD = "1.3.6.1.4.1.3704.1"
PADDING = PSS(mgf=MGF1(SHA384()), salt_length=48)
CHIP = bytes(range(1, 65))
PRODUCTS = {"Milan": (0x19, 0x01), "Genoa": (0x19, 0x11), "Turin": (0x1A, 0x02)}


def name(common_name):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Engineering"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def level(value):
    return asn1.encode_der(value)


def text(value):
    return asn1.encode_der(asn1.IA5String(value))


def key_usage(*, sign_certificates, sign_lists):
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_lists,
        encipher_only=False,
        decipher_only=False,
    )


def vek_extensions(product="Genoa", kind="VCEK", **changes):
    """The extensions of a real certificate, by the last arcs of their OID; a change to None leaves one out."""
    values = {
        "1": level(0),
        "2": text(f"{product}-B0"),
        "3.1": level(10),
        "3.2": level(0),
        "3.3": level(23),
        **{f"3.{reserved}": level(0) for reserved in (4, 5, 6, 7)},
        "3.8": level(84),
    }
    if product == "Turin":
        values["3.9"] = level(1)
    if kind == "VLEK":
        values["5"] = text("CN=cloud.example")
    else:
        values["4"] = CHIP[:8] if product == "Turin" else CHIP
    values |= {oid.replace("_", "."): value for oid, value in changes.items()}
    return {oid: value for oid, value in values.items() if value is not None}


def length(size):
    """A DER length of two bytes."""
    return b"\x82" + size.to_bytes(2, "big")


@asn1.sequence
class CrlWithEnd:
    version: int
    algorithm: asn1.TLV
    issuer: asn1.TLV
    begins: asn1.UTCTime
    ends: asn1.UTCTime


@asn1.sequence
class CrlBody:
    version: int
    algorithm: asn1.TLV
    issuer: asn1.TLV
    begins: asn1.UTCTime


@asn1.sequence
class CrlWhole:
    body: CrlWithEnd
    algorithm: asn1.TLV
    signature: asn1.BitString


@dataclass(frozen=True)
class Case:
    """What `verify_snp` gets."""

    report: bytes
    vek: bytes
    chain: bytes
    roots: frozenset
    at: datetime = AT
    crl: bytes | None = None

    def arguments(self):
        return (self.report, self.vek, self.chain), {"roots": self.roots, "at": self.at, "crl": self.crl}


@dataclass
class Maker:
    """The keys of one root, its authority and one chip."""

    root: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 4096))
    authority: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 4096))
    chip: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP384R1()))

    def certificate(self, subject, issuer, public_key, signer, extensions, **changes):
        padding, digest = changes.get("padding", PADDING), changes.get("digest", SHA384())
        builder = x509.CertificateBuilder(
            name(issuer),
            name(subject),
            public_key,
            changes.get("serial", 7),
            changes.get("begins", BEGINS),
            changes.get("ends", ENDS),
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(signer, digest, rsa_padding=padding).public_bytes(Encoding.DER)

    def root_certificate(self, product="Genoa", **changes):
        subject = changes.pop("subject", f"ARK-{product}")
        constraints = changes.pop("constraints", x509.BasicConstraints(ca=True, path_length=None))
        usage = changes.pop("usage", key_usage(sign_certificates=True, sign_lists=True))
        key = changes.pop("key", self.root)
        return self.certificate(
            subject,
            changes.pop("issuer", subject),
            key.public_key(),
            changes.pop("signer", key),
            [(constraints, True), (usage, True), *changes.pop("more", [])],
            **{"serial": 1, **changes},
        )

    def authority_certificate(self, product="Genoa", kind="VCEK", **changes):
        infix = "VLEK-" if kind == "VLEK" else ""
        constraints = changes.pop("constraints", x509.BasicConstraints(ca=True, path_length=0))
        usage = changes.pop("usage", key_usage(sign_certificates=True, sign_lists=False))
        return self.certificate(
            changes.pop("subject", f"SEV-{infix}{product}"),
            changes.pop("issuer", f"ARK-{product}"),
            changes.pop("key", self.authority).public_key(),
            changes.pop("signer", self.root),
            [(constraints, True), (usage, True), *changes.pop("more", [])],
            **{"serial": 2, **changes},
        )

    def vek_certificate(self, product="Genoa", kind="VCEK", *, extensions=None, **changes):
        infix = "VLEK-" if kind == "VLEK" else ""
        values = vek_extensions(product, kind) if extensions is None else extensions
        return self.certificate(
            changes.pop("subject", f"SEV-{kind}"),
            changes.pop("issuer", f"SEV-{infix}{product}"),
            changes.pop("key", self.chip).public_key(),
            changes.pop("signer", self.authority),
            [
                (x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{AMD}.{oid}"), value), False)
                for oid, value in values.items()
            ]
            + changes.pop("more", []),
            **changes,
        )

    def chain(self, product="Genoa", kind="VCEK", *, authority=None, root=None):
        return pem(authority or self.authority_certificate(product, kind)) + pem(root or self.root_certificate(product))

    def report(self, product="Genoa", kind="VCEK", *, version=3, **changes):
        """A report as firmware writes it; `changes` go by the report's own members, and are signed."""
        raw = bytearray(Report.SIZE)
        raw[0:4] = version.to_bytes(4, "little")
        raw[0x34] = 1
        raw[0x48] = 4 if kind == "VLEK" else 0
        tcb = bytes.fromhex("010a001700000054" if product == "Turin" else "0a00000000001754")
        for offset in (0x38, 0x180, 0x1E0, 0x1F0):
            raw[offset : offset + 8] = tcb
        if version > 2:
            raw[0x188:0x18B] = bytes((*PRODUCTS[product], 1))
        if kind == "VCEK":
            raw[0x1A0:0x1E0] = CHIP[:8].ljust(64, b"\0") if product == "Turin" else CHIP
        members = {"policy": GuestPolicy(bits=0x30000), **changes}
        # A whole report is judged, not its parts: a change may need several members to agree.
        plain = Report.parse(bytes(raw))
        return self.signed(replace(plain, **members))

    def signed(self, report):
        r, s = decode_dss_signature(self.chip.sign(report.signed_bytes, ec.ECDSA(SHA384())))
        return replace(report, signature=Signature(r=r, s=s)).encode()

    def crl(self, *revoked, issuer="ARK-Genoa", **changes):
        builder = x509.CertificateRevocationListBuilder(
            name(issuer), changes.get("begins", BEGINS), changes.get("ends", ENDS)
        )
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder(serial, BEGINS)
            for extension, critical in changes.get("entry", []):
                entry = entry.add_extension(extension, critical=critical)
            builder = builder.add_revoked_certificate(entry.build())
        for extension, critical in changes.get("more", []):
            builder = builder.add_extension(extension, critical=critical)
        signer, digest = changes.get("signer", self.root), changes.get("digest", SHA384())
        padding = None if isinstance(signer, ec.EllipticCurvePrivateKey) else changes.get("padding", PADDING)
        return builder.sign(signer, digest, rsa_padding=padding).public_bytes(Encoding.DER)

    def crl_without_end(self):
        """A list that does not say when the next one is due, which the usual builder does not make."""
        whole = asn1.decode_der(CrlWhole, self.crl())
        body = asn1.encode_der(CrlBody(**{part: getattr(whole.body, part) for part in CrlBody.__annotations__}))
        signature = self.root.sign(body, PADDING, SHA384())
        algorithm = asn1.encode_der(whole.algorithm)
        bits = b"\x03" + length(len(signature) + 1) + b"\0" + signature
        return b"\x30" + length(len(body + algorithm + bits)) + body + algorithm + bits

    def case(self, product="Genoa", kind="VCEK", **changes):
        version = changes.pop("version", 3)
        good = {
            "report": lambda: self.report(product, kind, version=version),
            "vek": lambda: self.vek_certificate(product, kind),
            "chain": lambda: self.chain(product, kind),
        }
        parts = {part: changes.pop(part, None) for part in good}
        return Case(
            **{part: good[part]() if given is None else given for part, given in parts.items()},
            roots=frozenset({Certificate.parse(self.root_certificate(product)).root_key}),
            **changes,
        )


def pem(der):
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


@pytest.fixture(scope="session")
def maker():
    return Maker()


@pytest.fixture(name="extensions_of", scope="session")
def extensions_of_a_key():
    return vek_extensions


@pytest.fixture(name="usage", scope="session")
def usage_of_a_key():
    return key_usage
