"""Attacks that worked on other verifiers, tried on this one; docs/reference/advisories.md names each with its test.

Everything but the one thing that is wrong is right: what has to be signed anew is signed anew.
"""

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisson.errors import (
    CertificateRevoked,
    ChainRejected,
    CrlRejected,
    Malformed,
    PolicyRejected,
    QeIdentityRejected,
    QeMismatch,
    QeReportRejected,
    QuoteRejected,
    QuoteSignatureRejected,
    TcbInfoRejected,
)
from caisson.evidence import Certificate, Collateral, EarSigner, TcbStatus, appraise, verify_ear, verify_peer
from caisson.evidence.binding.ra_tls import LEGACY_OID
from caisson.platform import Machine, Revocable
from caisson.platform.signing import raw_point, sign_p256
from caisson.sgx import CertificationData, MrSigner, Quote, Quote4, ReportData
from tests.unit.evidence.conftest import Scene, pem
from tests.unit.evidence.domains import DomainScene, domain

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PARTS = [("tcb_info", TcbInfoRejected), ("qe_identity", QeIdentityRejected)]


@pytest.fixture(scope="module")
def impostor(scene):
    """A scene in which an enclave of the attacker's own signs quotes; the platform's PCK vouches for its REPORT."""
    key = generate_private_key(SECP256R1())
    quote = Quote.parse(scene.quote)
    digest = sha256(raw_point(key.public_key()) + quote.signature.qe_authentication_data).digest()
    enclave = replace(
        scene.platform.quoting_enclave.identity,
        mr_signer=MrSigner(b"M" * 32),
        report_data=ReportData(digest + bytes(32)),
    )
    signature = replace(
        quote.signature,
        signature=sign_p256(key, quote.signed_bytes),
        attestation_key=raw_point(key.public_key()),
        qe_report=enclave,
        qe_report_signature=sign_p256(scene.platform.provisioning.pck.key, enclave.encode()),
    )
    return replace(scene, quote=replace(quote, signature=signature).encode())


def named_by(identity):
    return json.dumps(json.loads(identity) | {"mrsigner": "4D" * 32})


def test_an_enclave_of_the_attackers_own_signs_no_quotes(impostor):
    with pytest.raises(QeMismatch, match="MRSIGNER"):
        impostor.verify()


def test_a_forged_identity_does_not_make_it_the_quoting_enclave(impostor):
    """Everything fits: the identity names the impostor. Only, nobody signed it."""
    forged = named_by(impostor.collateral["qe_identity"])
    for signature in (impostor.collateral["qe_identity_signature"], "00" * 64):
        with pytest.raises(QeIdentityRejected):
            impostor.with_collateral(qe_identity=forged, qe_identity_signature=signature).verify()
    # It is the signature alone that is missing.
    assert impostor.with_text("qe_identity", forged).verify()


@pytest.mark.parametrize(("part", "error"), PARTS)
def test_a_statement_is_signed_by_the_key_at_the_end_of_its_chain(scene, part, error):
    """The chain is genuine; the signature is by another key of the same hierarchy."""
    provisioning = scene.platform.provisioning
    for credential in (provisioning.pck, provisioning.pck_ca, provisioning.root):
        signature = sign_p256(credential.key, scene.collateral[part].encode()).hex()
        with pytest.raises(error):
            scene.with_collateral(**{f"{part}_signature": signature}).verify()


@pytest.mark.parametrize(("part", "error"), PARTS)
def test_a_statement_is_the_bytes_that_were_signed(scene, part, error):
    """The same members in another order, or with other spaces, are other bytes."""
    value = json.loads(scene.collateral[part])
    for text in (json.dumps(dict(reversed(value.items())), separators=(",", ":")), json.dumps(value, indent=1)):
        assert json.loads(text) == value
        with pytest.raises(error):
            scene.with_collateral(**{part: text}).verify()


@pytest.mark.parametrize(("part", "error"), PARTS)
def test_the_signature_of_one_statement_is_none_for_the_other(scene, part, error):
    other = {"tcb_info": "qe_identity", "qe_identity": "tcb_info"}[part]
    with pytest.raises(error):
        scene.with_collateral(**{f"{part}_signature": scene.collateral[f"{other}_signature"]}).verify()


def test_a_statement_that_says_something_twice_is_refused(scene):
    """Readers that take the first and readers that take the last would see different things."""
    info = scene.collateral["tcb_info"]
    twice = info.replace('"tcbType":0', '"tcbType":0,"tcbType":0')
    assert twice != info
    with pytest.raises(Malformed, match="twice"):
        scene.with_text("tcb_info", twice).verify()


def test_the_certificate_of_another_quotes_platform_does_not_fit(scene):
    """Another machine under the same authority, of the same kind: its chain and collateral are as good."""
    provisioning = scene.platform.provisioning
    other = provisioning.pck_ca.pck(machine=Machine(ppid=b"O" * 16), now=scene.at)
    with pytest.raises(QeReportRejected):
        scene.with_chain(other.certificate, provisioning.pck_ca.certificate, provisioning.root.certificate).verify()


def test_the_report_of_another_platforms_quoting_enclave_does_not_fit(scene, make_platform):
    other = Quote.parse(Scene.of(make_platform()).quote).signature
    with pytest.raises(QeReportRejected):
        scene.with_signature(
            qe_report=other.qe_report,
            qe_report_signature=other.qe_report_signature,
            attestation_key=other.attestation_key,
            qe_authentication_data=other.qe_authentication_data,
            signature=other.signature,
        ).verify()


@pytest.mark.parametrize("name", ["root_ca_crl", "pck_crl"])
def test_a_list_in_pem_is_no_list(scene, name):
    der = bytes.fromhex(scene.collateral[name])
    text = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
    with pytest.raises(CrlRejected):
        scene.with_collateral(**{name: text.hex()}).verify()


def test_the_lists_of_root_and_authority_are_not_swapped(scene):
    crls = {"root_ca_crl": scene.collateral["pck_crl"], "pck_crl": scene.collateral["root_ca_crl"]}
    with pytest.raises(CrlRejected):
        scene.with_collateral(**crls).verify()


def test_a_strange_name_in_a_list_is_read_over_without_harm(scene):
    """OpenSSL once took an X.400 address for a string, wherever one stood in a list (CVE-2023-0286)."""
    issuer = scene.platform.provisioning.pck_ca
    x400 = bytes.fromhex("300aa108a306") + b"\x30\x04\x1e\x02\xff\xff"
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(scene.at)
        .next_update(scene.at + timedelta(days=1))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.35"), x400), critical=False)
    )
    crl = builder.sign(issuer.key, SHA256()).public_bytes(Encoding.DER)
    assert scene.with_collateral(pck_crl=crl.hex()).verify()


@pytest.mark.parametrize("revoked", [Revocable.PCK, Revocable.PCK_CA])
def test_revocation_counts_for_every_certificate_of_the_path(make_scene, revoked):
    with pytest.raises(CertificateRevoked):
        make_scene(revoked=frozenset({revoked})).verify()


@pytest.mark.parametrize("standing", [{"tcb_status": "Revoked"}, {"qe_status": "Revoked"}])
def test_no_policy_can_accept_a_revoked_tcb(make_scene, policy, standing):
    """Genuine it is; acceptable it cannot be: no policy may name this status."""
    scene = make_scene(**standing)
    verified = scene.verify()
    assert verified.tcb.status is TcbStatus.REVOKED
    lax = replace(policy, roots=scene.roots, tcb_statuses=frozenset(TcbStatus) - {TcbStatus.REVOKED})
    with pytest.raises(PolicyRejected, match="Revoked"):
        appraise(verified, lax)


@pytest.mark.parametrize("standing", [{"tcb_status": "OutOfDate"}, {"qe_status": "OutOfDate"}])
def test_a_tls_connection_is_no_better_than_its_platform(make_scene, policy, tls_key, standing):
    """RA-TLS verifiers that stop at the signature take platforms whose holes are known."""
    scene = make_scene(**standing)
    spki = tls_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    quote = Scene.of(scene.platform, report_data=sha256(spki).digest() + bytes(32)).quote
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, tls_key.public_key(), 1, scene.at, scene.at + timedelta(hours=1))
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(LEGACY_OID), quote)
    certificate = Certificate.of(builder.add_extension(extension, critical=False).sign(tls_key, SHA256()))
    accepting = replace(policy, roots=scene.roots, key_servers=frozenset())
    with pytest.raises(PolicyRejected, match="TCB status is OutOfDate"):
        verify_peer(certificate, Collateral.parse(scene.collateral), accepting, at=scene.at)
    named = replace(accepting, tcb_statuses=frozenset({TcbStatus.OUT_OF_DATE}))
    assert verify_peer(certificate, Collateral.parse(scene.collateral), named, at=scene.at)


def test_old_collateral_does_not_call_an_old_platform_good(make_scene, policy):
    """A service, or whoever is in front of it, gives what was true a month ago and is still in its time."""
    scene = make_scene()
    older = scene.with_statement("tcb_info", lambda info: info.update(tcbEvaluationDataNumber=19))
    verified = older.verify()
    assert verified.tcb.status is TcbStatus.UP_TO_DATE
    with pytest.raises(PolicyRejected, match="evaluation data number is 19, at least 20") as caught:
        appraise(verified, replace(policy, roots=scene.roots))
    assert len(caught.value.reasons) == 1


@pytest.mark.parametrize("kind", [0, 4, 6, 7, 8, 0xFFFF])
def test_only_a_chain_certifies_a_quoting_enclave(domain_scene, kind):
    """The bytes may be a chain: if the quote says that they are something else, they are."""
    chain = domain_scene.platform.provisioning.pck_chain.encode()
    with pytest.raises(QuoteRejected, match=f"type {kind}"):
        domain_scene.signed(certification=CertificationData(kind=kind, data=chain)).verify()


@pytest.mark.parametrize("kind", [0, 1, 5, 7])
def test_the_outer_certification_says_what_is_in_it(domain_scene, kind):
    section = 48 + 6 + 648 + 4 + 128
    raw = bytearray(domain_scene.quote)
    assert raw[section : section + 2] == b"\6\0"
    raw[section : section + 2] = kind.to_bytes(2, "little")
    with pytest.raises(Malformed, match=f"type {kind}, not 6"):
        domain_scene.verify(quote=bytes(raw))


def test_the_offsets_of_one_version_are_not_those_of_another(domain_scene):
    """Whoever looks for the quoting enclave's REPORT where version 3 has it reads the wrapping with it."""
    quote = Quote4.parse(domain_scene.quote)
    raw = replace(quote, header=replace(quote.header, user_data=b"\1" * 20)).encode()
    with pytest.raises(QuoteSignatureRejected):
        domain_scene.verify(quote=raw)
    with pytest.raises(Malformed):
        domain_scene.verify(quote=b"\3\0" + domain_scene.quote[2:])


def test_nothing_lies_outside_of_a_quote(scene, domain_scene):
    for good in (scene, domain_scene):
        for more in (b"\0", b"\0" * 1000, good.quote):
            with pytest.raises(Malformed):
                good.verify(quote=good.quote + more)


def test_nothing_lies_behind_what_is_wrapped(domain_scene):
    """The signature section ends where the outer certification data end, and these where the inner ones do."""
    section = 48 + 6 + 648
    for sizes in ((section,), (section, section + 4 + 128 + 2)):
        raw = bytearray(domain_scene.quote + b"\0")
        for at in sizes:
            raw[at : at + 4] = (int.from_bytes(raw[at : at + 4], "little") + 1).to_bytes(4, "little")
        with pytest.raises(Malformed, match="1 bytes too many"):
            domain_scene.verify(quote=bytes(raw))


def test_the_hash_of_a_quote_is_nobodys_identity(scene):
    """Every ECDSA signature (r, s) has a twin (r, n - s): the quote is as genuine and has another hash."""
    signature = Quote.parse(scene.quote).signature.signature
    s = ORDER - int.from_bytes(signature[32:], "big")
    twin = scene.with_signature(signature=signature[:32] + s.to_bytes(32, "big"))
    assert twin.quote != scene.quote
    assert twin.verify() == scene.verify()


@pytest.mark.parametrize(
    "signature",
    [
        bytes(64),
        bytes(31) + b"\1" + bytes(32),
        bytes(63) + b"\1",
        ORDER.to_bytes(32, "big") * 2,
        (b"\xff" * 32) * 2,
        (ORDER + 1).to_bytes(32, "big") + (1).to_bytes(32, "big"),
    ],
)
def test_degenerate_signatures_are_none(scene, signature):
    """Zero and what is not below the order: verifiers that computed with them said yes (CVE-2022-21449)."""
    with pytest.raises(QuoteSignatureRejected):
        scene.with_signature(signature=signature).verify()
    with pytest.raises(QeReportRejected):
        scene.with_signature(qe_report_signature=signature).verify()
    with pytest.raises(TcbInfoRejected):
        scene.with_collateral(tcb_info_signature=signature.hex()).verify()


def test_a_certificate_with_the_sdks_number_for_a_quote_is_no_pck(scene, reissued):
    """One number means two things: a quote in an SDK's TLS certificate, the platform's properties in a PCK."""
    provisioning = scene.platform.provisioning
    value = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.840.113741.1.13.1"), scene.quote)
    other = reissued(provisioning.pck.certificate, provisioning.pck_ca.key, having=(value, False))
    chain = pem(other, provisioning.pck_ca.certificate, provisioning.root.certificate)
    section = Quote.parse(scene.quote).signature
    with pytest.raises(ChainRejected, match="SGX extension"):
        scene.with_signature(certification=replace(section.certification, data=chain)).verify()


@pytest.mark.parametrize("name", ["exp", "iat"])
def test_a_result_without_a_time_is_none(scene, name):
    """Tokens without an end were taken for tokens without end (SPIRE 1.12.3)."""
    from joserfc import jwt
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256")
    key.ensure_kid()
    claims = {"exp": int(scene.at.timestamp()) + 60, "iat": int(scene.at.timestamp())}
    del claims[name]
    token = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
    with pytest.raises(Malformed, match=name):
        verify_ear(token, EarSigner(key).keys(), at=scene.at)


def test_a_domain_under_another_module_shares_no_level(platform, domain_scene):
    """Version 1 is up to date; version 2 is signed by nobody whom the TCB info names, whatever its number is."""
    from caisson.errors import TdxModuleMismatch
    from caisson.tdx import TeeTcbSvn

    for version in (2, 0xFF):
        svn = TeeTcbSvn(bytes([0xFF, version, *[0xFF] * 14]))
        with pytest.raises(TdxModuleMismatch):
            domain_scene.signed(body=domain(tee_tcb_svn=svn)).verify()
    assert DomainScene.on(platform).verify().tcb.status is TcbStatus.UP_TO_DATE
