"""What every entry of the catalog keeps, shown by its own clients on a real engine and the software platform.

The tests of one entry run in the order in which they stand here, on one container.
"""

import re
from pathlib import Path

import pytest

from tests.listeners import listeners

MOST_SECONDS_TO_STOP = 20
OTHER = "00" * 32


def test_it_is_healthy(running):
    """The first, since who has proved itself need not answer yet: of two processes one starts before the other."""
    if running.entry.recipe.healthcheck is None:
        pytest.fail("the recipe has no health check")
    running.wait_until_healthy()


def test_it_answers_its_own_clients_over_tls(running):
    running.carry_out(running.promises.start)
    running.carry_load()


def test_it_proves_itself_to_whoever_asks(running):
    """As its page says, but for what is different here: the address, and where files lie."""
    up = running.up
    shown = re.search(
        r"(?m)^    caisson (attest) \S+:\d+ (--policy) \S+\.policy\.toml (--pcs) PCS$", running.entry.page
    )
    assert shown is not None
    attest, policy, pcs = shown.groups()
    asking = ("--starttls", up["starttls"])
    done = running.stage.caisson(attest, up["address"], policy, up["policy"], pcs, up["pcs"], *asking)
    assert done.status == 0, done.stderr
    assert up["mrenclave"] in done.stdout


def test_nothing_listens_but_the_ports_that_it_publishes(running):
    """What its own processes say to each other over TCP, the loopback included, the host reads, and it may join in."""
    assert {port for _, port in listeners(running.pid())} == set(running.entry.recipe.ports)


def test_no_image_log_argument_or_label_holds_a_secret(running):
    secrets = {name: value.encode() for name, value in running.secrets.items()}
    searched = 0
    for name, content in running.image_contents():
        assert [which for which, value in secrets.items() if value in content] == [], name
        searched += 1
    assert searched > len(("history", "configuration", "a layer"))
    told = running.stage.run("docker", "inspect", running.name).stdout + running.logs()
    assert [which for which, value in running.secrets.items() if value in told] == []
    arguments = b"".join(path.read_bytes() for path in Path("/proc").glob(f"{running.pid()}/cmdline"))
    assert arguments
    assert [which for which, value in secrets.items() if value in arguments] == []


def test_it_runs_locked_down(running):
    host = running.inspect("HostConfig")
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["Privileged"] is False
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])


def test_without_an_acceptable_measurement_there_is_no_secret(running):
    policy = Path(running.up["policy"]).read_text().replace(running.up["mrenclave"], OTHER)
    assert running.refused(policy), "another enclave's policy gave secrets"


def test_another_signer_gets_no_key(running):
    policy = Path(running.up["policy"]).read_text().replace(running.up["mrsigner"], OTHER)
    assert running.refused(policy), "another signer's policy gave secrets"


def test_it_stops_in_order_and_a_restart_keeps_its_data(running):
    status, seconds = running.stop()
    assert status == running.promises.stop_status, running.logs()
    assert seconds < MOST_SECONDS_TO_STOP
    running.start()
    running.carry_out(running.promises.restart)
