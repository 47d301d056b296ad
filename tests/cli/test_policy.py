"""`caisson policy`: exit code, stdout and stderr of what people do with it."""

import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from caisson.cli.app import run
from caisson.cli.policy_words import policy_words
from caisson.evidence import Policy, RootKey, parse_policy
from caisson.platform import SoftwarePlatform
from tests.unit.evidence.policy.test_every_tee import GOOD

AB, CD, EF = "ab" * 32, "cd" * 32, "ef" * 32
STRICT = f"""\
version = 1
tee = "sgx"
roots = ["intel-sgx"]
tcb_statuses = ["UpToDate"]
advisories = []
allow_debug = false
minimum_tcb_evaluation_data_number = 20
key_servers = ["{CD}"]

[[enclaves]]
mrenclave = "{AB}"

[[enclaves]]
mrsigner = "{EF}"
isv_prod_id = 17
minimum_isv_svn = 1
"""
LAX = f"""\
version = 1
tee = "sgx"
roots = ["{EF}"]
tcb_statuses = ["OutOfDate", "UpToDate"]
advisories = ["INTEL-SA-00615"]
allow_debug = true
minimum_tcb_evaluation_data_number = 0
key_servers = []
enclaves = []
"""
CREATE = [
    *("policy", "create", "--root", "intel-sgx", "--mrenclave", AB, "--key-server", CD),
    *("--mrsigner", EF, "--isv-prod-id", "17", "--minimum-isv-svn", "1", "--minimum-evaluation-number", "20"),
]


@pytest.fixture
def strict(tmp_path):
    path = tmp_path / "strict.toml"
    path.write_text(STRICT)
    return path


@pytest.fixture
def lax(tmp_path):
    path = tmp_path / "lax.toml"
    path.write_text(LAX)
    return path


def test_create_writes_what_was_named_and_nothing_else(capsys):
    assert run(CREATE) == 0
    assert capsys.readouterr() == (STRICT, "")


def test_create_does_not_overwrite(strict, capsys):
    assert run([*CREATE, "--output", str(strict)]) == 2
    assert capsys.readouterr() == ("", f"error: `{strict}` exists\nhint: use `--force` to overwrite it\n")
    assert run([*CREATE, "--tcb-status", "OutOfDate", "--output", str(strict), "--force"]) == 0
    assert 'tcb_statuses = ["OutOfDate"]' in strict.read_text()


def test_create_takes_a_root_from_its_certificate(tmp_path, capsys):
    platform = SoftwarePlatform.create(now=datetime(2026, 11, 23, tzinfo=UTC))
    certificate = x509.load_der_x509_certificate(platform.root_certificate)
    path = tmp_path / "root.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    arguments = [str(path) if argument == "intel-sgx" else argument for argument in CREATE]
    assert run(arguments) == 0
    assert Policy.parse(capsys.readouterr().out.encode()).roots == {RootKey.of(certificate)}


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        pytest.param({"--root"}, "missing option `--root`", id="root"),
        pytest.param({"--minimum-evaluation-number"}, "missing option `--minimum-evaluation-number`", id="number"),
        pytest.param({"--isv-prod-id"}, "belong together", id="half a signer"),
        pytest.param(
            {"--mrenclave", "--mrsigner", "--isv-prod-id", "--minimum-isv-svn"}, "no enclave is named", id="enclave"
        ),
    ],
)
def test_create_needs_everything_that_is_accepted_to_be_named(left_out, message, capsys):
    options = list(zip(CREATE[2::2], CREATE[3::2], strict=True))
    assert run(["policy", "create", *(text for pair in options if pair[0] not in left_out for text in pair)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [(AB, "ab", 2), (CD, "not hexadecimal", 2), ("intel-sgx", "nowhere.pem", 2), ("17", "-1", 2)],
)
def test_create_refuses_values_that_cannot_be(old, new, code, capsys):
    assert run([new if argument == old else argument for argument in CREATE]) == code
    assert capsys.readouterr().err.startswith("error: ")


def test_create_refuses_an_advisory_that_is_none(capsys):
    assert run([*CREATE, "--advisory", "any"]) == 1
    assert capsys.readouterr().out == ""


def test_check_says_that_a_policy_is_one(strict, capsys):
    assert run(["policy", "check", str(strict)]) == 0
    assert capsys.readouterr() == (f"{strict} is a policy with no warnings\n", "")


def test_check_warns_about_what_a_policy_lets_through(lax, capsys):
    assert run(["policy", "check", str(lax)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{lax} is a policy with 6 warnings\n"
    assert err.splitlines() == [
        "warning: `enclaves` is empty, so nothing is accepted",
        "warning: `key_servers` is empty, so no activation is accepted",
        "warning: a root that is not Intel's is accepted; a software platform protects nothing",
        "warning: debug enclaves are accepted: whoever runs them can read their memory",
        "warning: platforms that lack fixes are accepted: OutOfDate",
        "warning: collateral of any TCB evaluation is accepted: an old one calls old platforms good",
    ]


def test_check_in_json_gives_the_policy_back(strict, capsys):
    assert run(["policy", "check", str(strict), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == 1
    assert found["warnings"] == []
    assert found["policy"]["enclaves"] == [
        {"mrenclave": AB},
        {"mrsigner": EF, "isv_prod_id": 17, "minimum_isv_svn": 1},
    ]


def test_check_refuses_what_is_no_policy(tmp_path, capsys):
    path = tmp_path / "policy.toml"
    path.write_text(STRICT.replace("allow_debug = false\n", ""))
    assert run(["policy", "check", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err
        == f"error: `{path}`: policy lacks `allow_debug`; every field is required\nhint: see docs/reference/policy.md\n"
    )


def test_a_file_that_is_not_there_is_a_mistake_of_use(tmp_path, capsys):
    assert run(["policy", "explain", str(tmp_path / "none.toml")]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_explain_says_in_words_what_is_accepted(strict, capsys):
    assert run(["policy", "explain", str(strict)]) == 0
    assert capsys.readouterr() == (
        f"""\
evidence is accepted only if all of this holds:

  platform    Intel's SGX root vouches for it: real hardware
  TCB         UpToDate: every known fix is in
  advisories  none may apply
  collateral  from TCB evaluation 20 or later
  debug       refused
  enclave     MRENCLAVE {AB}
              or signed by MRSIGNER {EF}, product 17, security version 1 or later
  key server  {CD} provisioned it
""",
        "",
    )


def test_explain_warns_too(lax, capsys):
    assert run(["policy", "explain", str(lax), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["warnings"]) == 6
    assert found["explanation"]["advisories"] == ["INTEL-SA-00615 may apply"]
    assert run(["policy", "explain", str(lax)]) == 0
    assert capsys.readouterr().out.count("\nwarning: ") == 6


H16, H32 = "ab" * 16, "ab" * 32
TDX = f"""\
version = 2
tee = "tdx"
roots = ["{EF}"]
tcb_statuses = ["UpToDate"]
advisories = []
allow_debug = true
minimum_tcb_evaluation_data_number = 20
maximum_collateral_age_days = "any"
platforms = "any"
report_data = "any"
modules = "any"
required_attributes = ["SEPT_VE_DISABLE"]
allowed_attributes = []
allowed_xfam = "any"
service_domains = "any"
domains = []
"""


SNP = f"""\
version = 2
tee = "sev-snp"
roots = ["amd-genoa"]
signing_keys = ["VCEK"]
csp_ids = []
require_revocation_list = {{checked}}
allow_debug = false
allow_migration = {{allowed}}
allow_smt = false
allow_provisional_firmware = {{allowed}}
required_policy = []
required_platform = []
vmpls = [0]
chips = "any"
report_data = "any"
minimum_tcb = {{{{ genoa = {{{{ bootloader = 10, tee = 0, snp = 23, microcode = 84 }}}} }}}}
guests = [{{{{ measurement = "{"ab" * 48}" }}}}]
"""


@pytest.fixture
def tdx(tmp_path):
    path = tmp_path / "tdx.toml"
    path.write_text(TDX)
    return path


def test_a_policy_for_domains_is_explained_in_words(tdx, capsys):
    assert run(["policy", "explain", str(tdx)]) == 0
    assert capsys.readouterr().out.startswith(f"""\
evidence is accepted only if all of this holds:

  platform         the root with key {EF} vouches for it: whoever holds that key can claim anything
  TCB              UpToDate: every known fix is in
  advisories       none may apply
  collateral       from TCB evaluation 20 or later
  debug            allowed
  module           any that the platform's collateral knows
  attributes       SEPT_VE_DISABLE required, none allowed besides
  extended state   any
  service domains  any may be bound
  domain           none is accepted
  machine          any
  report data      any

warning: """)


def test_policies_for_other_tees_are_warned_about(tdx, capsys):
    assert run(["policy", "check", str(tdx)]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "warning: `service_domains` is `any`, although it could name the service domains that may be bound",
        "warning: `domains` is empty, so nothing is accepted",
        "warning: a root that is no vendor's is accepted: whoever holds its key can claim anything",
        "warning: debugging is accepted: the host can read the memory",
    ]


def test_what_a_policy_for_domains_lets_through_is_told(tdx, capsys):
    text = TDX.replace('["UpToDate"]', '["UpToDate", "OutOfDate"]').replace("data_number = 20", "data_number = 0")
    tdx.write_text(text.replace("domains = []", f'[[domains]]\nmrtd = "{"ab" * 48}"'))
    assert run(["policy", "check", str(tdx)]) == 0
    assert capsys.readouterr().err.splitlines()[-3:] == [
        "warning: platforms that lack fixes are accepted: OutOfDate",
        "warning: collateral of any TCB evaluation is accepted: an old one calls old platforms good",
        "warning: a domain is accepted by its MRTD alone: as no RTMR is named, any kernel may run in it",
    ]


def test_what_a_policy_for_guests_lets_through_is_told(tmp_path, capsys):
    lax, strict = (tmp_path / f"{name}.toml" for name in ("lax", "strict"))
    lax.write_text(SNP.format(checked="false", allowed="true"))
    strict.write_text(SNP.format(checked="true", allowed="false"))
    assert run(["policy", "check", str(lax)]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "warning: no revocation list has to be looked at: a chain that AMD has taken back would be accepted",
        "warning: guests are accepted that an agent may move: it can read their memory",
        "warning: provisional firmware is accepted: the host can go back to an older one",
    ]
    assert run(["policy", "check", str(strict)]) == 0
    assert capsys.readouterr() == (f"{strict} is a policy with no warnings\n", "")


def test_what_version_2_names_is_explained(tmp_path, capsys):
    path = tmp_path / "bound.toml"
    lines = f'version = 2\nmaximum_collateral_age_days = 7\nplatforms = ["ppid:{H16}"]\nreport_data = ["{H32}"]'
    path.write_text(STRICT.replace("version = 1", lines))
    assert run(["policy", "explain", str(path), "--json"]) == 0
    explanation = json.loads(capsys.readouterr().out)["explanation"]
    assert explanation["collateral"] == ["from TCB evaluation 20 or later, and issued at most 7 days before"]
    assert explanation["machine"] == [f"with the processor `ppid:{H16}`"]
    assert H32 in explanation["report data"][0]


def test_a_strict_policy_for_another_tee_gets_no_warnings(tdx, capsys):
    text = TDX.replace(EF, "intel-sgx").replace("allow_debug = true", "allow_debug = false")
    text = text.replace(
        'service_domains = "any"\ndomains = []',
        f'service_domains = []\n[[domains]]\nmrtd = "{"ab" * 48}"\nrtmr1 = "{"cd" * 48}"',
    )
    tdx.write_text(text)
    assert run(["policy", "check", str(tdx)]) == 0
    assert capsys.readouterr() == (f"{tdx} is a policy with no warnings\n", "")


def test_a_policy_for_guests_is_explained_in_words(tmp_path, capsys):
    path = tmp_path / "snp.json"
    platform = ["ECC_EN", "ALIAS_CHECK_COMPLETE"]
    path.write_text(json.dumps(GOOD["sev-snp 4"] | {"required_platform": platform, "vmpls": [0, 1], "chips": []}))
    assert run(["policy", "explain", str(path)]) == 0
    words = capsys.readouterr().out
    for line in (
        "  platform       AMD's root for Genoa vouches for it: real hardware\n",
        "  signing key    the chip's own (VCEK)\n                 or a cloud provider's (VLEK): CN=cloud.example\n",
        "  chip           none is accepted\n",
        "  TCB            Milan from bootloader 3, tee 0, snp 8, microcode 115 on, as reported and at launch\n",
        "  firmware       committed: it cannot be rolled back\n",
        "  mitigations    0 and 3 and 63 required, at launch and now\n",
        "  platform bits  ECC_EN and ALIAS_CHECK_COMPLETE required, SMT_EN and TIO_EN refused\n",
        "  revocation     AMD's list was looked at, and issued at most 30 days before\n",
        "  debug          refused\n",
        "  shared cores   allowed\n",
        "  privilege      level 0\n                 or level 1\n",
        f"  guest          its signer certified by the author key {'ab' * 48}, family {'ab' * 16}, ",
    ):
        assert line in words
    assert "[" not in words


@pytest.mark.parametrize(
    ("tee", "change"),
    [
        *((tee, {"roots": []}) for tee in ("sgx", "tdx", "sev-snp 4")),
        *((tee, {"tcb_statuses": ["OutOfDate"]}) for tee in ("sgx", "tdx")),
        *((tee, {"advisories": []}) for tee in ("sgx", "tdx")),
        *((tee, {"allow_debug": True}) for tee in ("sgx", "tdx", "sev-snp 4")),
        *((tee, {"minimum_tcb_evaluation_data_number": 0}) for tee in ("sgx", "tdx")),
        *((tee, {"maximum_collateral_age_days": 1}) for tee in ("sgx", "tdx", "sev-snp 4")),
        *((tee, {"maximum_collateral_age_days": "any"}) for tee in ("sgx", "tdx", "sev-snp 4")),
        *((tee, {"platforms": new}) for tee in ("sgx", "tdx") for new in ("any", [])),
        *((tee, {"report_data": new}) for tee in ("sgx", "tdx", "sev-snp 4") for new in ([], ["cd" * 32])),
        ("sgx", {"key_servers": []}),
        ("sgx", {"enclaves": []}),
        *(("tdx", {"modules": new}) for new in ("any", [])),
        ("tdx", {"required_attributes": []}),
        ("tdx", {"allowed_attributes": []}),
        ("tdx", {"allowed_xfam": "any"}),
        *(("tdx", {"service_domains": new}) for new in ("any", ["ab" * 48])),
        ("tdx", {"domains": []}),
        ("sev-snp 4", {"signing_keys": []}),
        *(("sev-snp 4", {"csp_ids": new}) for new in ("any", [])),
        ("sev-snp 4", {"require_revocation_list": False, "maximum_collateral_age_days": "any"}),
        *(("sev-snp 4", {f"allow_{name}": True}) for name in ("migration", "provisional_firmware", "cxl")),
        ("sev-snp 4", {"allow_smt": False}),
        *(("sev-snp 4", {f"required_{name}": []}) for name in ("policy", "platform", "mitigations")),
        ("sev-snp 4", {"forbidden_platform": []}),
        ("sev-snp 4", {"vmpls": []}),
        *(("sev-snp 4", {"chips": new}) for new in ("any", [])),
        ("sev-snp 4", {"minimum_tcb": {}}),
        ("sev-snp 4", {"guests": []}),
    ],
    ids=str,
)
def test_whatever_a_policy_says_has_its_part_in_the_explanation(tee, change):
    said, other = (policy_words(parse_policy(json.dumps(each).encode())) for each in (GOOD[tee], GOOD[tee] | change))
    assert said != other
    assert all(other.values())


def test_no_member_is_left_out_of_the_test_before():
    (changes,) = test_whatever_a_policy_says_has_its_part_in_the_explanation.pytestmark
    tried = {(tee, name) for tee, change in changes.args[1] for name in change}
    assert tried == {
        (tee, name) for tee in ("sgx", "tdx", "sev-snp 4") for name in GOOD[tee] if name not in ("version", "tee")
    }
