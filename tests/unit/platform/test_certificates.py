"""Certificates and lists have the shape of Intel's; the names do not pretend to be Intel's."""

import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from caisson.errors import Malformed
from caisson.platform import Machine, PckCa, Revocable, Standing
from caisson.platform.pck_extension import SGX_EXTENSIONS, encode_sgx_extension
from caisson.sgx import CpuSvn, Quote

PCK_OID = x509.ObjectIdentifier(SGX_EXTENSIONS)


def chain(pem):
    return x509.load_pem_x509_certificates(pem.encode())


def common_name(certificate):
    return certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def shape(certificate):
    """What is left of a certificate when names, keys, numbers and times are taken away."""
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    return (
        [attribute.oid.dotted_string for attribute in certificate.subject],
        [(extension.oid.dotted_string, extension.critical) for extension in certificate.extensions],
        usage.public_bytes(),
        constraints.public_bytes(),
        certificate.signature_algorithm_oid.dotted_string,
        certificate.public_key().curve.name,
    )


@pytest.fixture(scope="session")
def genuine(vectors):
    """The PCK chains of two genuine quotes, one under each authority."""
    found = {}
    for path in sorted(vectors.glob("evidence/*/sgx_v3*/quote.bin")):
        try:
            quote = Quote.parse(path.read_bytes())
            pem = quote.signature.certification.data.rstrip(b"\0")
            leaf, authority, root = x509.load_pem_x509_certificates(pem)
            kind = common_name(authority)
        except (Malformed, ValueError):
            continue
        for ca in PckCa:
            if ca.value.capitalize() in kind:
                found.setdefault(ca, (leaf, authority, root))
    assert set(found) == set(PckCa)
    return found


@pytest.mark.parametrize("ca", PckCa)
def test_chain_has_the_shape_of_a_genuine_one(make_platform, genuine, ca):
    platform = make_platform(machine=Machine(ppid=bytes(16), ca=ca))
    ours = chain(platform.provisioning.pck_chain)
    assert [shape(certificate) for certificate in ours] == [shape(certificate) for certificate in genuine[ca]]


def test_sgx_extension_of_a_genuine_processor_is_encoded_to_the_byte(genuine):
    raw = genuine[PckCa.PROCESSOR][0].extensions.get_extension_for_oid(PCK_OID).value.value
    machine = Machine(
        ppid=_after(raw, "2a864886f84d010d0101" + "0410", 16),
        cpu_svn=CpuSvn(_after(raw, "2a864886f84d010d010212" + "0410", 16)),
        pce_svn=_after(raw, "2a864886f84d010d010211" + "0201", 1)[0],
        pce_id=_after(raw, "2a864886f84d010d0103" + "0402", 2),
        fmspc=_after(raw, "2a864886f84d010d0104" + "0406", 6),
    )
    assert encode_sgx_extension(machine) == raw


def _after(raw, marker, size):
    start = raw.index(bytes.fromhex(marker)) + len(marker) // 2
    return raw[start : start + size]


@pytest.mark.parametrize("ca", PckCa)
def test_names_keep_the_phrases_verifiers_look_for_and_say_what_they_are(make_platform, ca):
    platform = make_platform(machine=Machine(ppid=bytes(16), ca=ca))
    leaf, authority, root = chain(platform.provisioning.pck_chain)
    signer = chain(platform.provisioning.signer_chain)[0]
    assert "SGX PCK Certificate" in common_name(leaf)
    assert f"SGX PCK {ca.value.capitalize()} CA" in common_name(authority)
    assert "SGX Root CA" in common_name(root)
    assert "protects nothing" in common_name(root)
    assert "SGX TCB Signing" in common_name(signer)
    for certificate in (leaf, authority, root, signer):
        assert "Intel" not in certificate.subject.rfc4514_string()
        assert "Software" in common_name(certificate)


def test_chains_verify_from_leaf_to_root(platform):
    provisioning = platform.provisioning
    for pem in (provisioning.pck_chain, provisioning.pck_crl_chain, provisioning.signer_chain):
        certificates = chain(pem)
        for lower, upper in zip(certificates, [*certificates[1:], certificates[-1]], strict=True):
            lower.verify_directly_issued_by(upper)
        assert certificates[-1].public_bytes(Encoding.DER) == platform.root_certificate


def test_lists_name_exactly_what_is_revoked(platform, now):
    provisioning = platform.provisioning
    lists = {
        Revocable.PCK: (provisioning.pck_crl, provisioning.pck, provisioning.pck_ca),
        Revocable.PCK_CA: (provisioning.root_crl, provisioning.pck_ca, provisioning.root),
        Revocable.TCB_SIGNER: (provisioning.root_crl, provisioning.tcb_signer, provisioning.root),
    }
    for what, (make, revoked, issuer) in lists.items():
        crl = x509.load_der_x509_crl(make(Standing(revoked=frozenset({what})), issued=now))
        assert [entry.serial_number for entry in crl] == [revoked.certificate.serial_number]
        assert crl.is_signature_valid(issuer.certificate.public_key())
        assert list(x509.load_der_x509_crl(make(Standing(), issued=now))) == []


@pytest.mark.parametrize(
    "change", [{"ppid": bytes(15)}, {"fmspc": bytes(7)}, {"pce_id": b""}, {"pce_svn": 65536}, {"pce_svn": -1}]
)
def test_machine_that_no_certificate_can_describe_is_refused(change):
    with pytest.raises(Malformed):
        Machine(**{"ppid": os.urandom(16), **change})
