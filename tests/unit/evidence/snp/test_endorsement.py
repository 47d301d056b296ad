import base64
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from caisson.errors import ChainRejected, CrlRejected, Malformed
from caisson.evidence.snp import verify_snp
from caisson.evidence.snp.certificate import ALGORITHMS, parse_certificate
from caisson.evidence.snp.vek import Vek
from tests.unit.evidence.snp.conftest import PADDING, length


def refuse(case, error, match=None):
    positional, named = case.arguments()
    with pytest.raises(error, match=match) as raised:
        verify_snp(*positional, **named)
    assert raised.type is error


def accept(case):
    positional, named = case.arguments()
    return verify_snp(*positional, **named)


def pem(der):
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def armoured(der):
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def other_extension(*, critical):
    return (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), critical)


# The chain's form


def test_the_chain_may_come_in_either_order_and_with_windows_line_ends(maker):
    authority, root = pem(maker.authority_certificate()), pem(maker.root_certificate())
    accept(maker.case(chain=root + authority))
    accept(maker.case(chain=(authority + root).replace(b"\n", b"\r\n")))


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"\n",
        lambda chain: chain + chain,
        lambda chain: chain[: len(chain) // 2],
        lambda chain: b"hello\n" + chain,
        lambda chain: chain + b"hello\n",
        lambda chain: chain.replace(b"-----BEGIN CERTIFICATE-----", b"", 1),
        lambda chain: chain.replace(b"MII", b"M*I", 1),
        lambda chain: chain.replace(b"MII", b"M*II", 1),
        lambda chain: chain + b" " * 32 * 1024,
    ],
)
def test_a_chain_is_two_certificates_and_nothing_else(maker, change):
    refuse(maker.case(chain=change(maker.chain())), Malformed)


def test_a_chain_may_be_der_one_certificate_after_the_other(maker):
    """The tools for hosts write files such as `ask.der` and `ark.der`."""
    authority, root = maker.authority_certificate(), maker.root_certificate()
    accept(maker.case(chain=authority + root))
    accept(maker.case(chain=root + authority))
    accept(maker.case(chain=pem(authority) + root))
    accept(maker.case(chain=root + b"\n" + pem(authority)))
    for bad in (authority, authority + root + authority, authority + root[:-1], authority + root + b"\0", b"0\x82"):
        refuse(maker.case(chain=bad), Malformed)


def test_how_many_certificates_a_chain_has_is_told(maker):
    """Many a file has the endorsement key's own certificate before the chain."""
    refuse(maker.case(chain=maker.chain() * 2), Malformed, "chain has 4 certificates, not two: ASK or ASVK, and ARK")


def test_a_chain_has_one_root(maker):
    root, authority = pem(maker.root_certificate()), pem(maker.authority_certificate())
    refuse(maker.case(chain=root + root), ChainRejected, "2 roots")
    refuse(maker.case(chain=authority + authority), ChainRejected, "0 roots")


# The certificates' form


@pytest.mark.parametrize(
    "change",
    [
        lambda der: der + b"\0",
        lambda der: der[:-1],
        lambda _: b"\x30\0",
        lambda der: der + bytes(9000),
        lambda _: b"\x30\x82\x23\x28" + bytes(9000),
    ],
)
def test_a_certificate_is_der_and_nothing_else(maker, change):
    refuse(maker.case(vek=change(maker.vek_certificate())), Malformed)


def test_a_certificate_of_another_version_is_refused(maker):
    vek = maker.vek_certificate()
    refuse(
        maker.case(vek=vek.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020101"), 1)), Malformed, "version 3"
    )


def test_a_signature_with_loose_bits_is_refused(maker):
    vek = maker.vek_certificate()
    loose = vek.replace(bytes.fromhex("0382020100"), bytes.fromhex("0382020101"))
    refuse(maker.case(vek=loose[:-1] + bytes((loose[-1] & 0xFE,))), Malformed)


@pytest.mark.parametrize(
    ("padding", "digest"),
    [
        (PKCS1v15(), SHA384()),
        (PSS(mgf=MGF1(SHA256()), salt_length=32), SHA256()),
        (PSS(mgf=MGF1(SHA384()), salt_length=32), SHA384()),
    ],
)
def test_another_signature_algorithm_is_refused(maker, padding, digest):
    vek = maker.vek_certificate(padding=padding, digest=digest)
    refuse(maker.case(vek=vek), ChainRejected, "not signed with RSASSA-PSS")


def test_the_algorithm_is_the_same_inside_and_outside(maker):
    vek = maker.vek_certificate()
    at = vek.rindex(bytes.fromhex("a203020130"))
    refuse(maker.case(vek=vek[: at + 4] + b"\x20" + vek[at + 5 :]), Malformed, "one signature algorithm inside")


@pytest.mark.parametrize("inside", [True, False])
def test_the_algorithm_may_be_spelled_as_amd_does_but_in_one_way(maker, inside):
    """With the trailer field that DER leaves out, or without; the signature is good in either case."""
    vek = maker.vek_certificate()
    (other,) = [each for each in ALGORITHMS if each not in vek]
    (usual,) = ALGORITHMS - {other}
    body = parse_certificate(vek).signed
    if inside:
        content = body[4:].replace(usual, other, 1)
        body = b"\x30" + length(len(content)) + content
    signature = maker.authority.sign(body, PADDING, SHA384())
    content = body + other + b"\x03" + length(len(signature) + 1) + b"\0" + signature
    case = maker.case(vek=b"\x30" + length(len(content)) + content)
    if inside:
        accept(case)
    else:
        refuse(case, Malformed, "one signature algorithm inside")


def test_an_extension_is_there_once(maker):
    vek = maker.vek_certificate(more=[other_extension(critical=False)])
    twice = vek.replace(asn1.encode_der(x509.ObjectIdentifier("1.2.3.4")), b"\x06\x03\x2a\x03\x04")
    accept(maker.case(vek=twice))
    product, reserved = bytes.fromhex("060a2b060104019c78010304"), bytes.fromhex("060a2b060104019c78010305")
    assert product in vek
    refuse(maker.case(vek=vek.replace(product, reserved)), Malformed, "twice")


def test_unknown_extensions_are_left_alone_unless_they_are_critical(maker):
    accept(maker.case(vek=maker.vek_certificate(more=[other_extension(critical=False)])))
    refuse(maker.case(vek=maker.vek_certificate(more=[other_extension(critical=True)])), ChainRejected, "1.2.3.4")


def test_the_endorsement_keys_certificate_may_be_pem_and_nothing_else(maker):
    """Azure and others hand it out so."""
    vek = armoured(maker.vek_certificate())
    accept(maker.case(vek=vek))
    accept(maker.case(vek=vek.replace(b"\n", b"\r\n")))
    refuse(maker.case(vek=vek + vek), Malformed, "2 certificates")
    refuse(maker.case(vek=vek + b"hello\n"), Malformed, "text that is not a certificate")
    refuse(maker.case(vek=vek[:-5]), Malformed, "text that is not a certificate")
    refuse(maker.case(vek=vek.partition(b"-----END")[0]), Malformed, "text that is not a certificate")


# Roles


@pytest.mark.parametrize("subject", ["SEV-VCEK2", "SEV-Genoa", "x"])
@pytest.mark.parametrize("kind", ["VCEK", "VLEK"])
def test_only_an_endorsement_key_signs_reports(maker, subject, kind):
    vek = maker.vek_certificate(kind=kind, subject=subject)
    refuse(maker.case(kind=kind, vek=vek), ChainRejected, "is not for a VCEK or VLEK")


def test_a_key_of_one_kind_has_nothing_of_the_other(maker):
    refuse(maker.case(vek=maker.vek_certificate(subject="SEV-VLEK")), ChainRejected, "extension of its kind")


def test_a_subject_with_two_names_has_none(maker):
    vek = maker.vek_certificate()
    unit = bytes.fromhex("060355040b")
    at = vek.rindex(unit)
    refuse(maker.case(vek=vek[:at] + bytes.fromhex("0603550403") + vek[at + 5 :]), ChainRejected, "certificate ``")


@pytest.mark.parametrize("subject", ["SEV-Milan", "SEV-VLEK-Genoa", "ARK-Genoa2"])
def test_an_authority_for_something_else_is_refused(maker, subject):
    chain = maker.chain(authority=maker.authority_certificate(subject=subject))
    refuse(maker.case(chain=chain), ChainRejected, "demands `SEV-Genoa`")


def test_a_root_of_another_product_is_refused(maker):
    refuse(maker.case(chain=maker.chain(root=maker.root_certificate("Milan"))), ChainRejected, "demands `ARK-Genoa`")


@pytest.mark.parametrize("path_length", [None, 1])
def test_an_authority_may_not_make_further_authorities(maker, path_length):
    authority = maker.authority_certificate(constraints=x509.BasicConstraints(ca=True, path_length=path_length))
    refuse(maker.case(chain=maker.chain(authority=authority)), ChainRejected, "constraints")


@pytest.mark.parametrize("bits", ["03020104", "03020204"])
def test_an_authority_is_written_as_amd_writes_it_and_as_der_has_it(maker, bits):
    usage = x509.UnrecognizedExtension(ExtensionOID.KEY_USAGE, bytes.fromhex(bits))
    accept(maker.case(chain=maker.chain(authority=maker.authority_certificate(usage=usage))))


def test_a_leaf_does_not_pass_for_an_authority(maker):
    authority = maker.authority_certificate(constraints=x509.BasicConstraints(ca=False, path_length=None))
    refuse(maker.case(chain=maker.chain(authority=authority)), ChainRejected, "constraints")


def test_a_root_that_may_not_sign_certificates_is_none(maker, usage):
    root = maker.root_certificate(usage=usage(sign_certificates=False, sign_lists=True))
    refuse(maker.case(chain=maker.chain(root=root)), ChainRejected, "key usage")


# Signatures


def test_a_leaf_of_another_authority_is_refused(maker):
    refuse(maker.case(vek=maker.vek_certificate(signer=maker.root)), ChainRejected, "signature does not verify")


def test_an_authority_of_another_root_is_refused(maker):
    authority = maker.authority_certificate(signer=maker.authority)
    refuse(maker.case(chain=maker.chain(authority=authority)), ChainRejected, "signature does not verify")


def test_a_root_that_did_not_sign_itself_is_refused(maker):
    root = maker.root_certificate(signer=maker.authority)
    refuse(maker.case(chain=maker.chain(root=root)), ChainRejected, "signature does not verify")


def test_a_leaf_that_names_another_issuer_is_refused(maker):
    vek = maker.vek_certificate(issuer="SEV-Milan")
    refuse(maker.case(vek=vek), ChainRejected, "was not issued by `SEV-Genoa`")


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
)
def test_an_authority_has_a_long_rsa_key(maker, key):
    authority = maker.authority_certificate(key=key)
    refuse(maker.case(chain=maker.chain(authority=authority)), ChainRejected, "4096")


def test_a_root_with_a_key_that_cannot_be_read_is_refused_even_if_it_is_accepted(maker):
    root = maker.root_certificate()
    broken = root.replace(bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d01017f"))
    case = maker.case(chain=pem(maker.authority_certificate()) + armoured(broken))
    accepted = frozenset({parse_certificate(broken).root_key})
    refuse(replace(case, roots=accepted), ChainRejected, "key that cannot be read")


# The endorsement key's own words


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP521R1(), ec.BrainpoolP384R1()])
def test_an_endorsement_key_is_on_p384(maker, curve):
    vek = maker.vek_certificate(key=ec.generate_private_key(curve))
    refuse(maker.case(vek=vek), ChainRejected)


def test_an_rsa_key_endorses_nothing(maker):
    refuse(maker.case(vek=maker.vek_certificate(key=maker.authority)), ChainRejected, "P-384")


def test_an_endorsement_key_that_cannot_be_read_is_refused(maker):
    vek = maker.vek_certificate()
    refuse(maker.case(vek=vek.replace(bytes.fromhex("06052b81040022"), bytes.fromhex("06052b8104007f"))), ChainRejected)


@pytest.mark.parametrize("missing", ["1", "2", "3_1", "3_2", "3_3", "3_8", "4"])
def test_every_extension_of_a_vcek_is_needed(maker, extensions_of, missing):
    vek = maker.vek_certificate(extensions=extensions_of(**{missing: None}))
    refuse(maker.case(vek=vek), ChainRejected, "extension")


@pytest.mark.parametrize("missing", ["3_9", "4"])
def test_every_extension_of_a_turin_is_needed(maker, extensions_of, missing):
    vek = maker.vek_certificate("Turin", extensions=extensions_of("Turin", **{missing: None}))
    refuse(maker.case("Turin", vek=vek), ChainRejected, "extension")


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        ("2", "160547656e6f61"[:-2]),
        ("2", "1605526f6d6521"),
        ("2", "0c0547656e6f61"),
        ("3_1", "0201ff"),
        ("3_1", "02020100"),
        ("3_1", "02021000"),
        ("3_1", "0202000a"),
        ("3_1", "02010a00"),
        ("3_1", "04010a"),
        *((f"3_{reserved}", "020101") for reserved in (4, 5, 6, 7)),
        ("3_9", "020101"),
        ("4", "01" * 8),
        ("4", "0440" + "01" * 63),
        ("4", ""),
        ("5", "1601 61"),
    ],
)
def test_an_extension_has_the_one_form_that_amd_writes(maker, extensions_of, oid, value):
    vek = maker.vek_certificate(extensions=extensions_of(**{oid: bytes.fromhex(value)}))
    refuse(maker.case(vek=vek), ChainRejected, "extension")


def test_a_level_is_a_byte(maker, extensions_of):
    vek = maker.vek_certificate(extensions=extensions_of(**{"3_1": bytes.fromhex("020200ff")}))
    assert Vek.of(parse_certificate(vek)).tcb.bootloader == 255
    vek = maker.vek_certificate(extensions=extensions_of(**{"3_1": bytes.fromhex("02020100")}))
    with pytest.raises(ChainRejected, match="extension"):
        Vek.of(parse_certificate(vek))


def test_a_provider_names_no_chip(maker, extensions_of):
    vek = maker.vek_certificate(kind="VLEK", extensions=extensions_of(kind="VLEK", **{"4": bytes(64)}))
    refuse(maker.case(kind="VLEK", vek=vek), ChainRejected, "extension")


@pytest.mark.parametrize("product", ["Genoa", "Turin"])
def test_a_chip_may_be_written_as_an_octet_string(maker, extensions_of, product):
    plain = extensions_of(product)["4"]
    vek = maker.vek_certificate(product, extensions=extensions_of(product, **{"4": asn1.encode_der(plain)}))
    accept(maker.case(product, vek=vek))


def test_a_turins_chip_may_be_written_with_zeros_behind_it(maker, extensions_of):
    plain = extensions_of("Turin")["4"]
    vek = maker.vek_certificate("Turin", extensions=extensions_of("Turin", **{"4": plain.ljust(64, b"\0")}))
    accept(maker.case("Turin", vek=vek))


def test_a_certificate_that_is_too_large_is_not_even_read(maker):
    refuse(maker.case(vek=b"\x30" + length(8192) + bytes(8192)), Malformed, "more than 8192")


def test_a_chip_whose_number_begins_like_an_octet_string_is_one_all_the_same(maker, extensions_of):
    chip = b"\x04\x40" + bytes(62)
    vek = maker.vek_certificate(extensions=extensions_of(**{"4": chip}))
    assert Vek.of(parse_certificate(vek)).chip_id.value == chip


def test_levels_that_are_reserved_may_be_left_out(maker, extensions_of):
    vek = maker.vek_certificate(extensions=extensions_of(**dict.fromkeys(("3_4", "3_5", "3_6", "3_7"))))
    accept(maker.case(vek=vek))


# Revocation lists


@pytest.mark.parametrize(
    "change",
    [lambda der: der + b"\0", lambda der: der[:-1], lambda _: b"\x30\0", lambda der: der + bytes(70000)],
)
def test_a_revocation_list_is_der_and_nothing_else(maker, change):
    refuse(maker.case(crl=change(maker.crl())), CrlRejected)


def test_a_revocation_list_of_another_root_is_refused(maker):
    refuse(maker.case(crl=maker.crl(issuer="ARK-Milan")), CrlRejected, "not of that issuer")
    refuse(maker.case(crl=maker.crl(signer=maker.authority)), CrlRejected, "not signed by that root")


@pytest.mark.parametrize(
    "changes",
    [{"padding": PKCS1v15()}, {"digest": SHA256(), "padding": PSS(mgf=MGF1(SHA256()), salt_length=32)}],
)
def test_a_revocation_list_is_signed_as_everything_is(maker, changes):
    refuse(maker.case(crl=maker.crl(**changes)), CrlRejected, "another way")


@pytest.mark.parametrize(
    "changes",
    [
        {"more": [(x509.DeltaCRLIndicator(1), True)]},
        {"more": [other_extension(critical=True)]},
        {"entry": [(x509.CertificateIssuer([x509.DNSName("a.example")]), True)]},
    ],
)
def test_a_revocation_list_that_is_not_whole_is_refused(maker, changes):
    refuse(maker.case(crl=maker.crl(99, **changes)), CrlRejected, "not a complete list")


def test_nothing_is_read_of_entries_that_the_root_has_not_signed(maker):
    serial, negative = b"\x02\x01\x63", b"\x02\x01\x81"
    forged = maker.crl(99).replace(serial, negative)
    assert forged != maker.crl(99)
    refuse(maker.case(crl=forged), CrlRejected, "not signed by that root")


def test_a_revocation_list_without_an_end_is_refused(maker):
    refuse(maker.case(crl=maker.crl_without_end()), CrlRejected, "when the next one is due")


def test_a_revocation_list_with_extensions_that_say_nothing_is_read(maker):
    accept(maker.case(crl=maker.crl(99, more=[(x509.CRLNumber(4), False)])))
