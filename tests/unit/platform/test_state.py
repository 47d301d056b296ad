"""A platform in a directory: the same machine after a restart, and nobody else's business."""

import json
import os
import stat

import pytest

from caisson.errors import Malformed, Unavailable, UsageError
from caisson.platform import SoftwarePlatform, open_state, read_state
from caisson.sgx import Attributes, CpuSvn, KeyName, KeyPolicy, KeyRequest, Quote, ReportData

FILES = sorted(
    [
        "platform.json",
        "fuses.key",
        "quoting-enclave.key",
        *(f"{name}.{kind}" for name in ("root", "pck_ca", "tcb_signer", "pck") for kind in ("pem", "key")),
    ]
)
SEAL = KeyRequest(
    key_name=KeyName.SEAL,
    key_policy=KeyPolicy.MRENCLAVE,
    isv_svn=0,
    cpu_svn=CpuSvn(bytes(16)),
    attribute_mask=Attributes(flags=3, xfrm=0),
    key_id=bytes(32),
    misc_mask=0,
    config_svn=0,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory, now):
    """The content of a directory that was made once; making one takes a while."""
    directory = tmp_path_factory.mktemp("made") / "platform"
    with open_state(directory, now=now):
        pass
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def directory(tmp_path, made):
    path = tmp_path / "platform"
    path.mkdir(mode=0o700)
    for name, content in made.items():
        (path / name).write_bytes(content)
    return path


def test_secrets_are_their_owners_alone(tmp_path, now):
    directory = tmp_path / "deep" / "platform"
    before = os.umask(0)
    try:
        with open_state(directory, now=now):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(path.name for path in directory.iterdir()) == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert [path.name for path in directory.parent.iterdir()] == ["platform"]


def test_reopened_platform_is_the_same_machine(directory, program, now):
    def look():
        with open_state(directory, now=now) as secrets:
            platform = SoftwarePlatform(secrets)
            enclave = program.launch(platform)
            raw = platform.quote(enclave.ereport(platform.quoting_enclave.target_info, ReportData(bytes(64))))
            return (
                platform.root_certificate,
                enclave.egetkey(SEAL),
                platform.quoting_enclave.identity,
                platform.quoting_enclave.qe_id,
                platform.collateral(now),
                platform.provisioning.machine,
                Quote.parse(raw).signature.certification,
            )

    assert look() == look()


def test_reopened_platform_is_not_made_again(directory, made, now):
    with open_state(directory, now=now):
        pass
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == made


def test_two_directories_are_two_machines(tmp_path, program, now, directory):
    with open_state(directory, now=now) as one, open_state(tmp_path / "other", now=now) as two:
        keys = {program.launch(SoftwarePlatform(secrets)).egetkey(SEAL) for secrets in (one, two)}
    assert len(keys) == 2


def test_quotes_after_a_restart_still_verify(directory, program, verdict, now):
    for _ in range(2):
        with open_state(directory, now=now) as secrets:
            platform = SoftwarePlatform(secrets)
            assert verdict(platform, program.launch(platform), collateral=platform.collateral(now)).status == "UpToDate"


def test_one_process_at_a_time_holds_a_platform(directory, now):
    with open_state(directory, now=now), pytest.raises(Unavailable, match="in use"), open_state(directory, now=now):
        pass
    with open_state(directory, now=now):
        pass


def test_held_platform_can_be_read(directory, now):
    with open_state(directory, now=now) as held:
        assert read_state(directory).provisioning.root_certificate == held.provisioning.root_certificate


def test_missing_platform_is_not_made_by_reading(tmp_path):
    with pytest.raises(UsageError, match="no whole platform"):
        read_state(tmp_path / "platform")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o755, 0o770])
def test_directory_open_to_others_is_refused(directory, now, mode):
    directory.chmod(mode)
    with pytest.raises(UsageError, match="open to other users"), open_state(directory, now=now):
        pass


def test_directory_with_other_things_in_it_is_left_alone(tmp_path, now):
    directory = tmp_path / "platform"
    directory.mkdir(mode=0o700)
    (directory / "diary").write_text("mine")
    with pytest.raises(UsageError, match="cannot make a platform"), open_state(directory, now=now):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["platform"]
    assert [path.name for path in directory.iterdir()] == ["diary"]


def test_empty_directory_is_used(tmp_path, now):
    directory = tmp_path / "platform"
    directory.mkdir(mode=0o755)
    with open_state(directory, now=now):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_file_in_the_place_of_the_directory_is_refused(tmp_path, now):
    (tmp_path / "platform").write_text("mine")
    with pytest.raises(UsageError), open_state(tmp_path / "platform", now=now):
        pass
    with pytest.raises(UsageError), open_state(tmp_path / "platform" / "below", now=now):
        pass


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_told(directory, name):
    (directory / name).unlink()
    with pytest.raises(UsageError, match="no whole platform"):
        read_state(directory)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff" * 31, b"null"])
def test_damaged_file_is_told(directory, name, content):
    (directory / name).write_bytes(content)
    with pytest.raises(Malformed):
        read_state(directory)


@pytest.mark.parametrize("one", ["root", "pck_ca", "tcb_signer", "pck"])
def test_key_of_another_certificate_is_told(directory, made, one):
    other = "pck" if one == "root" else "root"
    (directory / f"{one}.key").write_bytes(made[f"{other}.key"])
    with pytest.raises(Malformed, match="damaged"):
        read_state(directory)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"ppid": "00"},
        {"ppid": 5},
        {"cpu_svn": "zz"},
        {"pce_svn": 70000},
        {"ca": "intel"},
        {"created": 10**30},
        {"created": None},
    ],
    ids=str,
)
def test_changed_description_is_told(directory, change):
    description = json.loads((directory / "platform.json").read_bytes())
    (directory / "platform.json").write_text(json.dumps({**description, **change}))
    with pytest.raises(Malformed):
        read_state(directory)
