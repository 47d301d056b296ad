"""Policies: everything has to be said; what is not said, unknown or mistaken is refused."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import CaissonError, Malformed
from caisson.evidence import INTEL_SGX_ROOT, EnclaveRule, Policy, RootKey, TcbStatus
from caisson.protocol import ServerKeyHash
from caisson.sgx import MrEnclave, MrSigner

AB, CD = "ab" * 32, "cd" * 32
GOOD = {
    "version": "1",
    "tee": '"sgx"',
    "roots": '["intel-sgx"]',
    "tcb_statuses": '["UpToDate", "SWHardeningNeeded"]',
    "advisories": '["INTEL-SA-00615"]',
    "allow_debug": "false",
    "minimum_tcb_evaluation_data_number": "17",
    "key_servers": f'["{CD}"]',
    "enclaves": f'[{{mrenclave = "{AB}"}}, {{mrsigner = "{CD}", isv_prod_id = 1, minimum_isv_svn = 2}}]',
}
ACCEPTABLE = frozenset(TcbStatus) - {TcbStatus.REVOKED, TcbStatus.NOT_SUPPORTED}


def toml(**changes):
    fields = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return "\n".join(f"{name} = {value}" for name, value in fields.items()).encode()


def fixed(kind):
    return st.binary(min_size=kind.SIZE, max_size=kind.SIZE).map(kind)


numbers = st.integers(0, 0xFFFF)
rules = st.one_of(
    st.builds(EnclaveRule, mr_enclave=fixed(MrEnclave)),
    st.builds(EnclaveRule, mr_signer=fixed(MrSigner), isv_prod_id=numbers, minimum_isv_svn=numbers),
    st.builds(
        EnclaveRule,
        mr_enclave=fixed(MrEnclave),
        mr_signer=fixed(MrSigner),
        isv_prod_id=numbers,
        minimum_isv_svn=numbers,
    ),
)
policies = st.builds(
    Policy,
    roots=st.frozensets(st.one_of(st.just(INTEL_SGX_ROOT), fixed(RootKey))),
    tcb_statuses=st.frozensets(st.sampled_from(sorted(ACCEPTABLE))),
    advisories=st.frozensets(st.integers(0, 99_999).map(lambda number: f"INTEL-SA-{number:05}")),
    allow_debug=st.booleans(),
    minimum_tcb_evaluation_data_number=st.integers(0, 0xFFFF_FFFF),
    key_servers=st.frozensets(fixed(ServerKeyHash)),
    enclaves=st.lists(rules).map(tuple),
)


def test_a_policy_is_read_as_it_stands():
    assert Policy.parse(toml()) == Policy(
        roots=frozenset({INTEL_SGX_ROOT}),
        tcb_statuses=frozenset({TcbStatus.UP_TO_DATE, TcbStatus.SW_HARDENING_NEEDED}),
        advisories=frozenset({"INTEL-SA-00615"}),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=17,
        key_servers=frozenset({ServerKeyHash.from_hex(CD)}),
        enclaves=(
            EnclaveRule(mr_enclave=MrEnclave.from_hex(AB)),
            EnclaveRule(mr_signer=MrSigner.from_hex(CD), isv_prod_id=1, minimum_isv_svn=2),
        ),
    )


@given(policies)
def test_what_is_written_is_read_again(policy):
    text = policy.encode()
    assert Policy.parse(text.encode()) == policy
    assert Policy.parse(text.encode()).encode() == text


def test_a_root_may_be_its_certificate(platform):
    certificate = platform.provisioning.root.certificate
    pem = certificate.public_bytes(Encoding.PEM).decode()
    key = RootKey.of(certificate)
    for text in (f'"""\n{pem}"""', f'"{key}"'):
        assert Policy.parse(toml(roots=f"[{text}]")).roots == {key}


def test_a_root_certificate_that_was_made_anew_is_the_same_root(platform, reissued):
    root = platform.provisioning.root
    again = reissued(root.certificate, root.key, serial=4711)
    assert isinstance(again, x509.Certificate)
    assert RootKey.of_pem(again.public_bytes(Encoding.PEM)) == RootKey.of(root.certificate)


@pytest.mark.parametrize("field", GOOD)
def test_every_field_is_required(field):
    with pytest.raises(Malformed, match=f"lacks `{field}`"):
        Policy.parse(toml(**{field: None}))


def test_an_empty_file_is_no_policy():
    with pytest.raises(Malformed):
        Policy.parse(b"")


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "2"},
        {"version": '"1"'},
        {"version": "true"},
        {"tee": '"tdx"'},
        {"roots": '"intel-sgx"'},
        {"roots": '["intel"]'},
        {"roots": "[1]"},
        {"roots": '["-----BEGIN CERTIFICATE-----"]'},
        {"tcb_statuses": '["Revoked"]'},
        {"tcb_statuses": '["TCBNotSupported"]'},
        {"tcb_statuses": '["uptodate"]'},
        {"advisories": '["*"]'},
        {"advisories": '["INTEL-SA-00615 "]'},
        {"allow_debug": "0"},
        {"allow_debug": '"no"'},
        {"minimum_tcb_evaluation_data_number": "-1"},
        {"minimum_tcb_evaluation_data_number": "4294967296"},
        {"minimum_tcb_evaluation_data_number": "1.0"},
        {"key_servers": '["*"]'},
        {"key_servers": f'["{CD}00"]'},
        {"enclaves": "[{}]"},
        {"enclaves": "[1]"},
        {"enclaves": "{}"},
        {"enclaves": '[{mrenclave = ""}]'},
        {"enclaves": "[{mrenclave = 1}]"},
        {"enclaves": f'[{{mrsigner = "{CD}"}}]'},
        {"enclaves": f'[{{mrsigner = "{CD}", isv_prod_id = 1}}]'},
        {"enclaves": f'[{{mrsigner = "{CD}", minimum_isv_svn = 1}}]'},
        {"enclaves": "[{isv_prod_id = 1, minimum_isv_svn = 1}]"},
        {"enclaves": f'[{{mrsigner = "{CD}", isv_prod_id = 65536, minimum_isv_svn = 1}}]'},
        {"enclaves": f'[{{mrenclave = "{AB}", debug = true}}]'},
        {"insecure_anything": "true"},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(changes):
    with pytest.raises(Malformed):
        Policy.parse(toml(**changes))


@pytest.mark.parametrize(
    "raw",
    [b"version =", b"\xff", b"version = 1\nversion = 1", b"[" * 10_000, b"a=" + b"[" * 10_000, b" " * (1 << 21)],
    ids=["cut", "not UTF-8", "twice", "brackets", "nesting", "size"],
)
def test_what_is_no_toml_is_refused(raw):
    with pytest.raises(Malformed):
        Policy.parse(raw)


@given(st.binary(max_size=200))
def test_nothing_is_read_by_accident(raw):
    with pytest.raises(CaissonError):
        Policy.parse(raw)


@given(at=st.integers(0, len(toml()) - 1), octet=st.integers(0, 255))
def test_a_changed_octet_never_leaves_the_error_tree(at, octet):
    raw = bytearray(toml())
    raw[at] = octet
    try:
        policy = Policy.parse(bytes(raw))
    except Malformed:
        return
    assert Policy.parse(policy.encode().encode()) == policy
