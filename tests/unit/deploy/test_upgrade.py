"""What an upgrade breaks, and that no policy is weakened on the way."""

from dataclasses import replace

import pytest

from caisson.deploy import Change, EnclaveIdentity, ImagePin, compare, policy_files, steps
from caisson.enclave import (
    EnvironmentVariable,
    FileSystem,
    LibOs,
    Loader,
    Manifest,
    Mount,
    Sgx,
    TrustedFile,
)
from caisson.evidence import EnclaveRule, Policy, RootKey, TcbStatus
from caisson.oci import Digest
from caisson.protocol import ServerKeyHash
from caisson.sgx import MrEnclave, MrSigner

PIN, OTHER_PIN = ServerKeyHash.from_hex("11" * 32), ServerKeyHash.from_hex("22" * 32)
OLD, NEW = MrEnclave.from_hex("aa" * 32), MrEnclave.from_hex("bb" * 32)
SIGNER, OTHER_SIGNER = MrSigner.from_hex("cc" * 32), MrSigner.from_hex("99" * 32)


def manifest(*mounts, files=("1",), **sgx):
    return Manifest(
        libos=LibOs(entrypoint="/.caisson/premain"),
        loader=Loader(argv=("premain", "/app"), env=(EnvironmentVariable(name="A", value=files[0]),), uid=101, gid=102),
        fs=FileSystem(start_dir="/", mounts=(Mount(path="/run/caisson"), *mounts)),
        sgx=Sgx(
            enclave_size="1G",
            max_threads=8,
            **{"isvprodid": 1, "isvsvn": 2} | sgx,
            trusted_files=tuple(TrustedFile(uri="file:/app", sha256=name * 64) for name in files),
        ),
    )


@pytest.fixture
def old(image):
    return EnclaveIdentity(
        image=replace(image, key_server_pin=PIN),
        manifest=manifest(),
        mr_enclave=OLD,
        mr_signer=SIGNER,
    )


@pytest.fixture
def new(old):
    return replace(old, manifest=manifest(files=("2",), isvsvn=3), mr_enclave=NEW)


def policy(*rules, **changes):
    found = Policy(
        roots=frozenset({RootKey.from_hex("ee" * 32)}),
        tcb_statuses=frozenset({TcbStatus.UP_TO_DATE}),
        advisories=frozenset(),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=1,
        key_servers=frozenset({PIN}),
        enclaves=rules,
    )
    return replace(found, **changes)


BY_ENCLAVE = EnclaveRule(mr_enclave=OLD, mr_signer=SIGNER)
BY_SIGNER = EnclaveRule(mr_signer=SIGNER, isv_prod_id=1, minimum_isv_svn=2)
STRANGER = EnclaveRule(mr_enclave=MrEnclave.from_hex("dd" * 32))


def verdict(old, new, found):
    return compare(old, new, {"p": found}).policies[0]


def test_what_changed_is_named(old, new):
    changes = {change.what: (change.old[:1], change.new[:1]) for change in compare(old, new, {}).changes}
    assert changes == {
        "MRENCLAVE": ("a", "b"),
        "loader.env.A": ("1", "2"),
        "sgx.isvsvn": ("2", "3"),
        "sgx.trusted_files file:/app": ("1", "2"),
    }


def test_the_same_release_changes_and_breaks_nothing(old):
    found = compare(old, old, {"p": policy(BY_ENCLAVE), "q": policy(BY_SIGNER, key_servers=frozenset())})
    assert (found.changes, found.sealed, found.policies[0].reasons) == ((), (), ())
    assert found.policies[1].reasons == (f"its key server {PIN} is not accepted",)
    assert policy_files(found) == ()
    assert steps(found, name="redis", platform="run", directory="d") == ()


def test_another_image_of_the_same_enclave_is_rolled_out(old):
    digest = Digest.of(b"another label")
    found = compare(old, replace(old, image=replace(old.image, pin=ImagePin(digest=digest))), {})
    assert found.changes == (Change(what="image", old=str(old.image.pin.digest), new=str(digest)),)
    assert "sh run.sh" in [step.command for step in steps(found, name="redis", platform="run", directory="d")]


def test_a_policy_that_names_the_measurement_breaks_and_accepts_both_for_a_while(old, new):
    found = verdict(old, new, policy(BY_ENCLAVE, STRANGER))
    assert found.reasons == ("another mrenclave",)
    following = EnclaveRule(mr_enclave=NEW, mr_signer=SIGNER)
    assert found.overlapping.enclaves == (BY_ENCLAVE, STRANGER, following)
    assert found.final.enclaves == (STRANGER, following)


def test_a_policy_that_names_the_signer_goes_on_and_rises_at_the_end(old, new):
    found = verdict(old, new, policy(BY_SIGNER))
    assert (found.reasons, found.overlapping) == ((), None)
    assert found.final.enclaves == (replace(BY_SIGNER, minimum_isv_svn=3),)


def test_a_minimum_never_sinks_and_a_downgrade_gets_no_policy(old, new):
    found = compare(old, replace(new, manifest=manifest(isvsvn=1)), {"p": policy(BY_ENCLAVE), "q": policy(BY_SIGNER)})
    assert found.downgrade
    assert [(one.overlapping, one.final) for one in found.policies] == [(None, None), (None, None)]
    assert found.policies[1].reasons == ("isv_svn 1 is less than 2",)


def test_a_debug_enclave_gets_no_policy(old, new):
    found = verdict(old, replace(new, manifest=manifest(isvsvn=3, debug=True)), policy(BY_ENCLAVE))
    assert "debug" in found.reasons[0]
    assert (found.overlapping, found.final) == (None, None)


def test_another_key_server_is_accepted_beside_the_old_and_then_alone(old, new):
    moved = replace(new, image=replace(new.image, key_server_pin=OTHER_PIN))
    found = verdict(old, moved, policy(BY_SIGNER))
    assert "key server 2222" in found.reasons[0]
    assert found.overlapping.key_servers == {PIN, OTHER_PIN}
    assert found.final.key_servers == {OTHER_PIN}


def test_nothing_but_enclaves_and_key_servers_is_changed_in_a_policy(old, new):
    before = policy(BY_ENCLAVE)
    found = verdict(old, new, before)
    for after in (found.overlapping, found.final):
        assert replace(after, enclaves=before.enclaves, key_servers=before.key_servers) == before


def sealed(key):
    return Mount(path="/data", type="encrypted", uri="file:/data", key_name=key)


@pytest.mark.parametrize(
    ("key", "sgx", "signer", "lost"),
    [
        ("_sgx_mrenclave", {}, SIGNER, True),
        ("_sgx_mrsigner", {}, SIGNER, False),
        ("_sgx_mrsigner", {}, OTHER_SIGNER, True),
        ("_sgx_mrsigner", {"isvprodid": 9}, SIGNER, True),
        ("_sgx_mrsigner", {"isvsvn": 1}, SIGNER, True),
        ("_sgx_mrsigner", {"isvsvn": 3}, SIGNER, True),  # Gramine asks for the key of its own version only
        ("default", {"isvsvn": 3}, OTHER_SIGNER, False),
    ],
)
def test_data_is_lost_where_the_cpu_derives_another_key(old, new, key, sgx, signer, lost):
    before = replace(old, manifest=manifest(sealed(key)))
    after = replace(new, manifest=manifest(sealed(key), files=("2",), **sgx), mr_signer=signer)
    assert compare(before, after, {}).sealed == (("/data",) if lost else ())


def test_data_is_lost_where_the_mount_is_gone_or_has_another_key(old, new):
    before = replace(old, manifest=manifest(sealed("default")))
    assert compare(before, new, {}).sealed == ("/data",)
    other = replace(new, manifest=manifest(sealed("other"), files=("2",)))
    assert compare(before, other, {}).sealed == ("/data",)


def test_data_is_saved_first_and_the_old_release_is_refused_last(old, new):
    before = replace(old, manifest=manifest(sealed("_sgx_mrenclave")))
    found = compare(before, new, {"p": policy(BY_ENCLAVE)})
    for platform, command in (("run", "sh run.sh"), ("compose", "docker compose up"), ("swarm", "docker stack deploy")):
        order = steps(found, name="redis", platform=platform, directory="d")
        words = [step.command or step.what for step in order]
        assert "/data" in words[0]
        assert words[1].endswith("workload policy redis d/p.both.toml")
        assert any(word.startswith(command) for word in words[2:-2])
        assert words[-1].endswith("workload policy redis d/p.new.toml")
