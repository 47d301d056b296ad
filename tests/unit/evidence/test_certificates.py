"""Certificate paths: the good one holds; every other form, role or signature is refused."""

import base64
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from caisson.errors import ChainRejected, Malformed, UntrustedRoot
from caisson.evidence.certificates import (
    PCK_PHRASE,
    TCB_SIGNING_PHRASE,
    common_name,
    parse_chain,
    verify_authority,
    verify_path,
)
from caisson.evidence.roots import RootKey


@pytest.fixture(scope="module")
def issued(platform):
    return platform.provisioning


@pytest.fixture(scope="module")
def roots(issued):
    return frozenset({RootKey.of(issued.root.certificate)})


@pytest.fixture(scope="module")
def check(issued, roots):
    """Check a PCK path in which something may be replaced."""

    def check(**instead):
        names = {"pck": issued.pck, "pck_ca": issued.pck_ca, "root": issued.root}
        path = tuple(instead.get(name, credential.certificate) for name, credential in names.items())
        return verify_path(path, length=3, leaf_phrase=PCK_PHRASE, roots=roots)

    return check


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(**bits):
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**(dict.fromkeys(names, False) | bits))


def test_a_path_ends_in_its_root(check, roots, issued):
    path = check()
    assert path.leaf == issued.pck.certificate
    assert {path.root} == roots
    assert [validity.what for validity in path.validities] == [
        f"certificate `{common_name(each.certificate)}`" for each in (issued.pck, issued.pck_ca, issued.root)
    ]


def test_the_certificates_above_the_leaf_may_come_in_any_order(issued, roots):
    leaf, authority, root = (each.certificate for each in (issued.pck, issued.pck_ca, issued.root))
    path = verify_path((leaf, root, authority), length=3, leaf_phrase=PCK_PHRASE, roots=roots)
    assert path.certificates == (leaf, authority, root)


@pytest.mark.parametrize("kept", [["pck"], ["pck", "pck_ca"], ["pck", "root"], ["pck", "pck_ca", "root", "root"]])
def test_a_path_is_whole_and_nothing_more(issued, roots, kept):
    path = tuple(getattr(issued, name).certificate for name in kept)
    with pytest.raises(ChainRejected):
        verify_path(path, length=3, leaf_phrase=PCK_PHRASE, roots=roots)


def test_an_issuer_that_is_missing_is_named(issued, roots):
    path = (issued.pck.certificate, issued.tcb_signer.certificate, issued.root.certificate)
    with pytest.raises(ChainRejected, match="PCK Processor CA"):
        verify_path(path, length=3, leaf_phrase=PCK_PHRASE, roots=roots)


def test_a_signer_of_statements_is_no_platform_and_the_reverse(issued, roots):
    signer = (issued.tcb_signer.certificate, issued.root.certificate)
    assert verify_path(signer, length=2, leaf_phrase=TCB_SIGNING_PHRASE, roots=roots).leaf == signer[0]
    with pytest.raises(ChainRejected, match="not for an `SGX PCK Certificate`"):
        verify_path(signer, length=2, leaf_phrase=PCK_PHRASE, roots=roots)
    with pytest.raises(ChainRejected, match="may not issue"):
        verify_authority(signer, roots=roots)


def test_an_authority_is_no_signer(issued, roots):
    authority = (issued.pck_ca.certificate, issued.root.certificate)
    assert verify_authority(authority, roots=roots).leaf == authority[0]
    with pytest.raises(ChainRejected):
        verify_path(authority, length=2, leaf_phrase=TCB_SIGNING_PHRASE, roots=roots)


def test_a_forged_leaf_is_refused(check, issued, reissued, new_key):
    with pytest.raises(ChainRejected, match="does not verify"):
        check(pck=reissued(issued.pck.certificate, new_key()))


def test_a_forged_authority_is_refused(check, issued, reissued, new_key):
    key = new_key()
    forged = reissued(issued.pck_ca.certificate, key, key=key.public_key())
    with pytest.raises(ChainRejected, match="does not verify"):
        check(pck_ca=forged, pck=reissued(issued.pck.certificate, key))


def test_a_root_of_the_same_name_and_another_key_is_untrusted(check, issued, reissued, new_key):
    key = new_key()
    root = reissued(issued.root.certificate, key, key=key.public_key())
    with pytest.raises(UntrustedRoot, match="which is not accepted"):
        check(root=root, pck_ca=reissued(issued.pck_ca.certificate, key))


def test_the_trusted_key_must_have_signed_its_own_certificate(check, issued, reissued, new_key):
    with pytest.raises(ChainRejected, match="does not verify"):
        check(root=reissued(issued.root.certificate, new_key()))


def test_a_root_may_have_several_certificates(check, issued, reissued):
    """Intel's has: they differ in their end, and share the key."""
    again = reissued(issued.root.certificate, issued.root.key, serial=4711)
    assert check(root=again).certificates[-1] == again


def test_a_root_must_call_itself_one(check, issued, reissued):
    name = named("Anybody")
    root = reissued(issued.root.certificate, issued.root.key, subject=name, issuer=name)
    with pytest.raises(ChainRejected, match="not in an `SGX Root CA`"):
        check(root=root, pck_ca=reissued(issued.pck_ca.certificate, issued.root.key, issuer=name))


def test_a_leaf_must_have_one_name_for_its_role(check, issued, reissued):
    two = x509.Name([*named("SGX PCK Certificate"), *named("SGX PCK Certificate")])
    for name in (named("SGX TCB Signing"), two, x509.Name([])):
        with pytest.raises(ChainRejected, match="not for an"):
            check(pck=reissued(issued.pck.certificate, issued.pck_ca.key, subject=name))


@pytest.mark.parametrize(
    "having",
    [
        pytest.param(x509.BasicConstraints(ca=False, path_length=None), id="not an authority"),
        pytest.param(usage(digital_signature=True, crl_sign=True), id="signs no certificates"),
        pytest.param(usage(key_cert_sign=True), id="signs no lists"),
    ],
)
@pytest.mark.parametrize("level", ["pck_ca", "root"])
def test_an_authority_must_be_allowed_to_issue(check, issued, reissued, level, having):
    certificate = getattr(issued, level).certificate
    with pytest.raises(ChainRejected, match="may not issue"):
        check(**{level: reissued(certificate, issued.root.key, having=(having, True))})


def test_a_root_that_allows_no_authority_below_it_has_none(check, issued, reissued):
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    with pytest.raises(ChainRejected, match="allows 0 authorities below it, not 1"):
        check(root=reissued(issued.root.certificate, issued.root.key, having=(constraints, True)))


@pytest.mark.parametrize(
    "having",
    [
        pytest.param(x509.BasicConstraints(ca=True, path_length=None), id="an authority"),
        pytest.param(usage(digital_signature=True, key_cert_sign=True), id="signs certificates"),
        pytest.param(usage(content_commitment=True), id="does not sign"),
    ],
)
def test_a_leaf_must_be_an_end_entity_that_signs(check, issued, reissued, having):
    with pytest.raises(ChainRejected, match="not one of an end entity"):
        check(pck=reissued(issued.pck.certificate, issued.pck_ca.key, having=(having, True)))


@pytest.mark.parametrize("without", [x509.BasicConstraints, x509.KeyUsage])
@pytest.mark.parametrize("level", ["pck", "pck_ca", "root"])
def test_constraints_must_be_stated(check, issued, reissued, level, without):
    key = issued.pck_ca.key if level == "pck" else issued.root.key
    with pytest.raises(ChainRejected, match="has no"):
        check(**{level: reissued(getattr(issued, level).certificate, key, without=without)})


@pytest.mark.parametrize("level", ["pck", "pck_ca", "root"])
def test_what_is_critical_and_unknown_is_refused(check, issued, reissued, level):
    key = issued.pck_ca.key if level == "pck" else issued.root.key
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
    with pytest.raises(ChainRejected, match=r"critical extension 1\.2\.3\.4"):
        check(**{level: reissued(getattr(issued, level).certificate, key, having=(unknown, True))})
    assert check(**{level: reissued(getattr(issued, level).certificate, key, having=(unknown, False))})


def test_another_hash_is_another_algorithm(check, issued, reissued):
    with pytest.raises(ChainRejected, match="not ECDSA with SHA-256"):
        check(pck=reissued(issued.pck.certificate, issued.pck_ca.key, algorithm=SHA384))


@pytest.mark.parametrize("key", [generate_private_key(SECP384R1()), Ed25519PrivateKey.generate()])
def test_another_curve_is_refused(check, issued, reissued, key):
    with pytest.raises(ChainRejected, match="does not have a P-256 key"):
        check(pck=reissued(issued.pck.certificate, issued.pck_ca.key, key=key.public_key()))


P256, UNKNOWN_CURVE = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030155")
ECDSA_SHA256, ECDSA_SHA1 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d040304")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(P256, UNKNOWN_CURVE, id="curve"),
        pytest.param(ECDSA_SHA256, ECDSA_SHA1, id="algorithm in the signed part"),
        pytest.param(bytes.fromhex("0603551d13"), bytes.fromhex("0603551d0f"), id="an extension twice"),
    ],
)
def test_identifiers_that_were_exchanged_are_refused(check, issued, old, new):
    der = issued.pck.certificate.public_bytes(Encoding.DER)
    assert old in der
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        changed = x509.load_der_x509_certificate(der.replace(old, new, 1))
    with pytest.raises(ChainRejected):
        check(pck=changed)


def test_the_outer_algorithm_must_be_the_signed_one(check, issued):
    head, oid, tail = issued.pck.certificate.public_bytes(Encoding.DER).rpartition(ECDSA_SHA256)
    with pytest.raises(ChainRejected):
        check(pck=x509.load_der_x509_certificate(head + ECDSA_SHA1 + tail))
    assert oid == ECDSA_SHA256


# PEM.


def test_a_chain_is_read_in_its_order(issued):
    chain = issued.pck_chain.encode()
    assert parse_chain(chain) == tuple(each.certificate for each in (issued.pck, issued.pck_ca, issued.root))
    assert parse_chain(chain + b"\0") == parse_chain(chain.strip()) == parse_chain(chain.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda chain: chain[:0], id="empty"),
        pytest.param(lambda chain: chain[:0] + b"\0", id="only a NUL"),
        pytest.param(lambda chain: chain + b"\0\0", id="two NULs"),
        pytest.param(lambda chain: chain + b"text", id="text at the end"),
        pytest.param(lambda chain: b"text" + chain, id="text at the beginning"),
        pytest.param(lambda chain: chain.replace(b"--\n---", b"--\ntext\n---"), id="text between"),
        pytest.param(lambda chain: chain * 2, id="six certificates"),
        pytest.param(lambda chain: chain.replace(b"BEGIN", b"BEGUN"), id="no beginning"),
        pytest.param(lambda chain: chain.replace(b"-----END", b"=\n-----END"), id="no base64"),
        pytest.param(lambda chain: chain.replace(b"M", b"N", 1), id="no certificate"),
        pytest.param(lambda chain: "é".encode() + chain, id="not ASCII"),
    ],
)
def test_what_is_no_chain_is_malformed(issued, change):
    with pytest.raises(Malformed):
        parse_chain(change(issued.pck_chain.encode()))


def as_pem(der):
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda der: der + b"\0", id="trailing byte"),
        pytest.param(lambda der: der[:1] + b"\x83\0" + der[2:], id="length in more bytes than it needs"),
        pytest.param(lambda der: b"\x30\x80" + der[4:] + b"\0\0", id="indefinite length"),
    ],
)
def test_only_der_is_a_certificate(issued, change):
    der = issued.pck.certificate.public_bytes(Encoding.DER)
    assert parse_chain(as_pem(der)) == (issued.pck.certificate,)
    with pytest.raises(Malformed):
        parse_chain(as_pem(change(der)))
