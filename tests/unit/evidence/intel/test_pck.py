"""The SGX extension of a PCK certificate: one form only."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from caisson.errors import ChainRejected
from caisson.evidence import Pck
from caisson.evidence.certificate import Certificate
from caisson.platform import Machine, PckCa
from caisson.platform.pck_extension import encode_sgx_extension

OID = x509.ObjectIdentifier("1.2.840.113741.1.13.1")
ARCS = bytes.fromhex("2a864886f84d010d01")


def tlv(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    length = bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes((tag,)) + length + content


def member(*arcs, value):
    return tlv(0x30, tlv(6, ARCS + bytes(arcs)), value)


def octets(size):
    return tlv(4, bytes(size))


def svns(count=16, value=b"\2\1\0"):
    return [member(2, number, value=value) for number in range(1, count + 1)]


def tcb(components=None, pce_svn=b"\2\1\5", cpu_svn=bytes(16)):
    members = svns() if components is None else components
    return member(2, value=tlv(0x30, *members, member(2, 17, value=pce_svn), member(2, 18, value=tlv(4, cpu_svn))))


def flags(*values, numbers=(1, 2, 3)):
    return tlv(0x30, *(member(7, number, value=value) for number, value in zip(numbers, values, strict=True)))


TRUE, FALSE = b"\1\1\xff", b"\1\1\0"
GOOD = {
    "ppid": member(1, value=octets(16)),
    "tcb": tcb(),
    "pce_id": member(3, value=octets(2)),
    "fmspc": member(4, value=octets(6)),
    "sgx_type": member(5, value=b"\x0a\1\1"),
    "instance": member(6, value=octets(16)),
    "configuration": member(7, value=flags(TRUE, FALSE, TRUE)),
}


@pytest.fixture(scope="module")
def read(platform, reissued):
    provisioning = platform.provisioning

    def read(value):
        extension = (x509.UnrecognizedExtension(OID, value), False)
        certificate = reissued(provisioning.pck.certificate, provisioning.pck_ca.key, having=extension)
        return Pck.of(Certificate.parse(certificate.public_bytes(Encoding.DER)))

    return read


def but(**changes):
    return tlv(0x30, *(part for part in (GOOD | changes).values() if part))


def test_the_good_one_is_read(read):
    pck = read(but())
    assert (pck.pce_svn, pck.memory_protection, pck.cpu_svn.value) == (5, 1, bytes(16))
    assert (pck.dynamic_platform, pck.cached_keys, pck.smt_enabled) == (True, False, True)
    assert read(but(instance=b"", configuration=b"")).platform_instance is None
    assert read(but(tcb=tcb(pce_svn=b"\2\1\0"))).pce_svn == 0


@pytest.mark.parametrize("ca", list(PckCa))
def test_the_software_platform_writes_what_is_read(read, ca):
    machine = Machine(ppid=b"P" * 16, pce_svn=0xFFFF, ca=ca)
    pck = read(encode_sgx_extension(machine))
    assert (pck.ppid.value, pck.cpu_svn, pck.pce_svn) == (machine.ppid, machine.cpu_svn, machine.pce_svn)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\5\0", id="not a sequence"),
        pytest.param(but() + b"\0", id="trailing byte"),
        pytest.param(but(ppid=b""), id="no PPID"),
        pytest.param(but(ppid=GOOD["ppid"] * 2), id="PPID twice"),
        pytest.param(but(pce_id=GOOD["fmspc"], fmspc=GOOD["pce_id"]), id="another order"),
        pytest.param(but(ppid=member(1, value=octets(15))), id="short PPID"),
        pytest.param(but(fmspc=member(4, value=octets(7))), id="long FMSPC"),
        pytest.param(but(pce_id=member(3, value=b"\2\1\0")), id="PCE-ID of another type"),
        pytest.param(but(fmspc=member(9, value=octets(6))), id="unknown member"),
        pytest.param(but(sgx_type=member(5, value=b"\x0a\1\7")), id="unknown SGX type"),
        pytest.param(but(sgx_type=member(5, value=b"\2\1\1")), id="SGX type of another type"),
        pytest.param(but(instance=b""), id="configuration without instance"),
        pytest.param(but(configuration=b""), id="instance without configuration"),
        pytest.param(but(configuration=member(7, value=flags(TRUE, TRUE, numbers=(1, 2)))), id="two flags"),
        pytest.param(
            but(configuration=member(7, value=flags(TRUE, TRUE, TRUE, numbers=(1, 1, 3)))), id="one flag twice"
        ),
        pytest.param(but(configuration=member(7, value=flags(TRUE, b"\1\1\1", TRUE))), id="a boolean that is not DER"),
        pytest.param(but(tcb=tcb(svns(15))), id="15 components"),
        pytest.param(but(tcb=tcb(svns(17))), id="17 components"),
        pytest.param(but(tcb=tcb(list(reversed(svns())))), id="components in another order"),
        pytest.param(but(tcb=tcb(svns(value=b"\2\2\1\0"))), id="component of 256"),
        pytest.param(but(tcb=tcb(svns(value=b"\2\1\xff"))), id="negative component"),
        pytest.param(but(tcb=tcb(svns(value=b"\2\2\0\0"))), id="an integer that is not DER"),
        pytest.param(but(tcb=tcb(pce_svn=b"\2\3\1\0\0")), id="PCESVN of 65536"),
        pytest.param(but(tcb=tcb(pce_svn=b"\2\1\xff")), id="negative PCESVN"),
        pytest.param(but(tcb=tcb(pce_svn=octets(1))), id="PCESVN of another type"),
        pytest.param(but(tcb=tcb(svns(value=octets(1)))), id="components of another type"),
        pytest.param(
            but(tcb=member(2, value=tlv(0x30, *svns(), *(member(2, number, value=b"\2\1\0") for number in (17, 18))))),
            id="CPUSVN of another type",
        ),
        pytest.param(but(instance=member(7, value=octets(16))), id="an instance by another number"),
        pytest.param(but(tcb=tcb(cpu_svn=bytes(15))), id="short CPUSVN"),
        pytest.param(but(tcb=tcb(cpu_svn=b"\1" + bytes(15))), id="CPUSVN that is not the components"),
        pytest.param(but(tcb=member(2, value=octets(3))), id="TCB of another type"),
    ],
)
def test_any_other_form_is_refused(read, value):
    with pytest.raises(ChainRejected):
        read(value)


def test_a_certificate_without_it_says_nothing(platform):
    with pytest.raises(ChainRejected, match="has no SGX extension"):
        Pck.of(Certificate.parse(platform.provisioning.pck_ca.certificate.public_bytes(Encoding.DER)))
