"""Certificate paths: the good one holds; every other form, role or signature is refused."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509.oid import NameOID

from caisson.errors import ChainRejected, Malformed, UntrustedRoot
from caisson.evidence.certificate import Certificate
from caisson.evidence.intel import path
from caisson.evidence.intel.path import PCK_PHRASE, TCB_SIGNING_PHRASE, parse_chain, verify_authority, verify_path
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
        chain = read(*(instead.get(name, credential.certificate) for name, credential in names.items()))
        return verify_path(chain, length=3, leaf_phrase=PCK_PHRASE, roots=roots)

    return check


def read(*certificates):
    """Read what was made by another library."""
    return tuple(Certificate.parse(each.public_bytes(Encoding.DER)) for each in certificates)


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(**bits):
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**(dict.fromkeys(names, False) | bits))


def test_a_path_ends_in_its_root(check, roots, issued):
    found = check()
    certificates = tuple(each.certificate for each in (issued.pck, issued.pck_ca, issued.root))
    assert found.certificates == read(*certificates)
    assert {found.root} == roots
    for validity, certificate in zip(found.validities, certificates, strict=True):
        assert (validity.begins, validity.ends) == (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    assert found.validities[0].what == "certificate `Caisson Software SGX PCK Certificate`"


def test_the_certificates_above_the_leaf_may_come_in_any_order(issued, roots):
    leaf, authority, root = read(*(each.certificate for each in (issued.pck, issued.pck_ca, issued.root)))
    found = verify_path((leaf, root, authority), length=3, leaf_phrase=PCK_PHRASE, roots=roots)
    assert found.certificates == (leaf, authority, root)


@pytest.mark.parametrize("kept", [["pck"], ["pck", "pck_ca"], ["pck", "root"], ["pck", "pck_ca", "root", "root"]])
def test_a_path_is_whole_and_nothing_more(issued, roots, kept):
    chain = read(*(getattr(issued, name).certificate for name in kept))
    with pytest.raises(ChainRejected, match=f"has {len(kept)} certificates, not 3"):
        verify_path(chain, length=3, leaf_phrase=PCK_PHRASE, roots=roots)


def test_an_issuer_that_is_missing_is_named(issued, roots):
    chain = read(issued.pck.certificate, issued.tcb_signer.certificate, issued.root.certificate)
    with pytest.raises(ChainRejected, match="PCK Processor CA"):
        verify_path(chain, length=3, leaf_phrase=PCK_PHRASE, roots=roots)


def test_a_signer_of_statements_is_no_platform_and_the_reverse(issued, roots):
    signer = read(issued.tcb_signer.certificate, issued.root.certificate)
    assert verify_path(signer, length=2, leaf_phrase=TCB_SIGNING_PHRASE, roots=roots).leaf == signer[0]
    with pytest.raises(ChainRejected, match="not for an `SGX PCK Certificate`"):
        verify_path(signer, length=2, leaf_phrase=PCK_PHRASE, roots=roots)
    with pytest.raises(ChainRejected, match="may not issue"):
        verify_authority(signer, roots=roots)


def test_an_authority_is_no_signer(issued, roots):
    authority = read(issued.pck_ca.certificate, issued.root.certificate)
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
    assert check(root=again).certificates[-1].serial_number == 4711


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


@pytest.mark.parametrize("level", ["pck_ca", "root"])
def test_an_authority_need_not_say_how_many_may_follow(check, issued, reissued, level):
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    assert check(**{level: reissued(getattr(issued, level).certificate, issued.root.key, having=(constraints, True))})


def test_a_root_is_its_own_issuer(check, issued, reissued):
    """Its key has signed it; but somebody else is said to have issued it, and would have to be asked."""
    with pytest.raises(ChainRejected, match="was not issued by"):
        check(root=reissued(issued.root.certificate, issued.root.key, issuer=named("SGX Root CA of another")))


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
    with pytest.raises(ChainRejected, match="has no extension"):
        check(**{level: reissued(getattr(issued, level).certificate, key, without=without)})


@pytest.mark.parametrize("level", ["pck", "pck_ca", "root"])
def test_what_is_critical_and_unknown_is_refused(check, issued, reissued, level):
    key = issued.pck_ca.key if level == "pck" else issued.root.key
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
    with pytest.raises(ChainRejected, match=r"critical extension 1\.2\.3\.4"):
        check(**{level: reissued(getattr(issued, level).certificate, key, having=(unknown, True))})
    assert check(**{level: reissued(getattr(issued, level).certificate, key, having=(unknown, False))})


def test_another_hash_is_another_algorithm(check, issued, reissued):
    with pytest.raises(ChainRejected, match="another algorithm than ECDSA with SHA-256"):
        check(pck=reissued(issued.pck.certificate, issued.pck_ca.key, algorithm=SHA384))


@pytest.mark.parametrize("key", [generate_private_key(SECP384R1()), Ed25519PrivateKey.generate()])
def test_another_curve_is_refused(check, issued, reissued, key):
    with pytest.raises(ChainRejected, match="does not have a P-256 key"):
        check(pck=reissued(issued.pck.certificate, issued.pck_ca.key, key=key.public_key()))


P256, UNKNOWN_CURVE = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030155")
ECDSA_SHA256, ECDSA_SHA1 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d040304")


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        pytest.param(P256, UNKNOWN_CURVE, ChainRejected, id="curve"),
        pytest.param(ECDSA_SHA256, ECDSA_SHA1, Malformed, id="algorithm in the signed part"),
        pytest.param(bytes.fromhex("0603551d13"), bytes.fromhex("0603551d0f"), Malformed, id="an extension twice"),
        pytest.param(bytes.fromhex("a003020102"), bytes.fromhex("a003020101"), Malformed, id="version"),
    ],
)
def test_identifiers_that_were_exchanged_are_refused(issued, roots, old, new, error):
    der = issued.pck.certificate.public_bytes(Encoding.DER)
    assert old in der
    above = read(issued.pck_ca.certificate, issued.root.certificate)

    def check():
        chain = (Certificate.parse(der.replace(old, new, 1)), *above)
        verify_path(chain, length=3, leaf_phrase=PCK_PHRASE, roots=roots)

    with pytest.raises(error):
        check()


def test_the_outer_algorithm_must_be_the_signed_one(issued):
    head, oid, tail = issued.pck.certificate.public_bytes(Encoding.DER).rpartition(ECDSA_SHA256)
    assert oid == ECDSA_SHA256
    with pytest.raises(Malformed, match="inside and another outside"):
        Certificate.parse(head + ECDSA_SHA1 + tail)


def mend(der, *, by):
    """Make the lengths of the certificate and of its body fit after something in them has shrunk."""
    mended = bytearray(der)
    for at in (2, 6):
        assert mended[at - 1] == 0x82
        mended[at : at + 2] = (int.from_bytes(mended[at : at + 2], "big") - by).to_bytes(2, "big")
    return bytes(mended)


def test_a_point_has_one_spelling(issued, check):
    """Compressed, the key is the same; its name is another, and roots are known by names of keys."""
    key = issued.root.certificate.public_key()
    compressed = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    spki = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + compressed
    assert load_der_public_key(spki) == key
    der = issued.root.certificate.public_bytes(Encoding.DER)
    start = der.index(bytes.fromhex("3059301306072a8648ce3d0201"))
    bent = mend(der[:start] + spki + der[start + 0x5B :], by=0x5B - len(spki))
    with pytest.raises(ChainRejected, match="does not have a P-256 key"):
        check(root=x509.load_der_x509_certificate(bent))
    with pytest.raises(ChainRejected, match="does not have a P-256 key"):
        path.public_key(Certificate.parse(bent))


def test_a_point_that_is_not_on_the_curve_is_no_key(issued):
    der = bytearray(issued.pck.certificate.public_bytes(Encoding.DER))
    start = der.index(bytes.fromhex("03420004")) + 4
    der[start : start + 64] = b"\xff" * 64
    with pytest.raises(ChainRejected, match="a key that is none"):
        path.public_key(Certificate.parse(bytes(der)))


def test_a_signature_is_whole_bytes(issued):
    der = issued.pck.certificate.public_bytes(Encoding.DER)
    size = len(issued.pck.certificate.signature)
    bits = len(der) - size - 1
    assert der[bits] == 0
    with pytest.raises(Malformed):
        Certificate.parse(der[:bits] + b"\1" + der[bits + 1 : -1] + bytes((der[-1] & 0xFE,)))


def test_a_certificate_that_is_too_large_is_not_even_read():
    with pytest.raises(Malformed, match="more than 65536"):
        Certificate.parse(bytes(1 << 17))


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        pytest.param("2.5.29.19", b"\x30\x03\x01\x01\x00", id="a default that is spelled out"),
        pytest.param("2.5.29.19", b"\x05\x00", id="constraints of another type"),
        pytest.param("2.5.29.15", b"\x03\x01\x09", id="bits that do not exist"),
        pytest.param("2.5.29.15", b"", id="no bits"),
    ],
)
def test_constraints_have_one_spelling(check, issued, reissued, oid, value):
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
    bent = reissued(issued.pck.certificate, issued.pck_ca.key, having=(extension, True))
    with pytest.raises(ChainRejected, match="cannot be read"):
        check(pck=bent)


# PEM.


def test_a_chain_is_read_in_its_order(issued):
    chain = issued.pck_chain.encode()
    assert parse_chain(chain) == read(*(each.certificate for each in (issued.pck, issued.pck_ca, issued.root)))
    assert parse_chain(chain + b"\0") == parse_chain(chain.strip()) == parse_chain(chain.replace(b"\n", b"\r\n"))


def test_a_certificate_is_the_same_wherever_it_stands_in_a_chain(issued):
    """It is read once, though a line end comes before it in one chain and nothing in the other."""
    _, authority, root = parse_chain(issued.pck_chain.encode())
    found = parse_chain((issued.pck_ca.pem + issued.root.pem).encode())
    assert found[0] is authority
    assert found[1] is root


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
        pytest.param(lambda chain: chain.replace(b"\nMII", b"\n-MII", 1), id="a sign between the digits"),
        pytest.param(lambda chain: chain.replace(b"\nMII", b"\n\xc3\xa9MII", 1), id="no ASCII between the digits"),
        pytest.param(lambda chain: chain.replace(chain[28:-26], b"MII\n"), id="digits cut short"),
        pytest.param(lambda chain: chain.replace(b"M", b"N", 1), id="no certificate"),
        pytest.param(lambda chain: "é".encode() + chain, id="not ASCII"),
    ],
)
def test_what_is_no_chain_is_malformed(issued, change):
    with pytest.raises(Malformed):
        parse_chain(change(issued.pck_chain.encode()))


def test_a_chain_has_four_certificates_at_most(issued):
    pem = issued.root.pem.encode()
    assert len(parse_chain(pem * 4)) == 4
    for count in (0, 5):
        with pytest.raises(Malformed, match="not 1 to 4"):
            parse_chain(pem * count)


def test_base64_has_one_spelling(issued):
    """The bits that do not count in the last digit are zero, or the certificate could be written in several ways."""
    der = issued.pck.certificate.public_bytes(Encoding.DER)
    pem = as_pem(der[: len(der) // 3 * 3 - 1])  # so that there are such bits, whatever the certificate's length is
    digits, padding, end = pem.partition(b"=")
    assert padding
    with pytest.raises(Malformed, match="one spelling"):
        parse_chain(digits[:-1] + bytes([digits[-1] + 1]) + padding + end)
    with pytest.raises(Malformed, match=r"not X\.509"):
        parse_chain(pem)


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
    assert parse_chain(as_pem(der)) == read(issued.pck.certificate)
    with pytest.raises(Malformed):
        parse_chain(as_pem(change(der)))


@pytest.mark.parametrize("space", ["\t", " ", "\r", "\v", "\f", "\0"])
def test_no_white_space_but_line_ends_is_in_a_chain(platform, space):
    """It is in no signature: whoever reads over it takes quotes that were changed on the way."""
    pem = platform.provisioning.pck_chain
    good = parse_chain(pem.encode())
    for old in ("\n", "-----BEGIN", "M"):
        with pytest.raises(Malformed):
            parse_chain(pem.replace(old, space if old == "\n" else space + old, 1).encode())
    assert parse_chain(pem.replace("\n", "\r\n").encode()) == good


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("place", ["", "-----BEGIN", "M", "-----END", None], ids=repr)
def test_no_line_of_a_chain_is_empty(platform, place, end):
    """Chains are remembered with what they vouch for: padded ones would fill a verifier's memory."""
    pem = platform.provisioning.pck_chain
    padded = pem + end if place is None else pem.replace(place, end * 2 + place, 1)
    with pytest.raises(Malformed, match="empty lines"):
        parse_chain(padded.encode())


def test_a_name_says_nothing_to_a_terminal_or_a_log(check, issued, reissued, new_key):
    key = new_key()
    name = named("SGX Root CA\x1b[2J\r\naccepted: it is genuine\u202e")
    root = reissued(issued.root.certificate, key, key=key.public_key(), subject=name, issuer=name)
    with pytest.raises(UntrustedRoot) as refusal:
        check(root=root, pck_ca=reissued(issued.pck_ca.certificate, key, issuer=name))
    assert r"`SGX Root CA\x1b[2J\x0d\x0aaccepted: it is genuine\x202e`" in refusal.value.message
    assert refusal.value.message.isprintable()
