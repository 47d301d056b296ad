"""What the guides promise comes true."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.system.deploy.compose import compose_v2
from tests.system.guide import SCRIPTS, copy_example, follow

pytestmark = pytest.mark.timeout(900)  # they wait for containers again and again
ACCEPTED = "and the policy accepts it"


@pytest.fixture
def directory():
    """A short path: the platform's socket lies in it."""
    path = Path(tempfile.mkdtemp(prefix="caisson-guide-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_confidential_redis_step_by_step(directory):
    done = follow("redis", directory)
    assert "PONG" in done.stdout
    assert f"is workload `redis`, {ACCEPTED}" in done.stdout
    assert ", by its key" in done.stdout
    assert "activation-released" in done.stdout


@pytest.mark.slow
def test_an_image_that_somebody_gave_you(directory):
    done = follow("review", directory)
    assert f"is workload `redis`, {ACCEPTED}" in done.stdout
    assert "accepted: it is genuine, and what the policy asks for\n" in done.stdout
    assert "REFUSED: 127.0.0.1:16379 is not what the policy accepts\n" in done.stdout
    (wrong,) = [line for line in done.stdout.splitlines() if line.startswith("  wrong ")]
    assert "mrenclave is" in wrong
    assert "not accepted: status 1\n" in done.stdout


@pytest.mark.slow
def test_on_docker(directory):
    done = follow("docker", directory)
    assert done.stdout.count(ACCEPTED) == 4
    assert "policy `redis` refuses it: another mrenclave" in done.stdout
    assert "the old release is refused: status 1" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("generation", ["1.29", "2"])
def test_with_compose(directory, generation):
    copy_example("visits", directory)
    words = {} if generation == "1.29" else {"docker-compose": compose_v2()[0]}
    done = follow("compose", directory, **words)
    assert f"is workload `visits`, {ACCEPTED}" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("visit ")] == ["visit 1", "visit 2", "visit 3"]


@pytest.mark.slow
def test_ship_code_the_cloud_cannot_read(directory):
    copy_example("private-code", directory)
    done = follow("private-code", directory)
    assert "\nbuy when the canary sings\n" in f"\n{done.stdout}"
    assert "files under the key `code`: not looked into" in done.stdout


@pytest.mark.slow
def test_wordpress_and_its_database(directory):
    done = follow("wordpress", directory)
    assert done.stdout.count(ACCEPTED) == 2
    assert "Welcome" in done.stdout
    assert "Error establishing a database connection" in done.stdout
    assert "refused\n" in done.stdout
    assert "CREATE TABLE" not in done.stdout  # nothing was installed, so the dump is of an empty database
    assert (directory / "wordpress.sql").read_text().count("-- Host: 127.0.0.1") == 1


REGISTRY = """\
version: 0.1
storage: {filesystem: {rootdirectory: DIRECTORY/registry}}
http: {addr: 10.77.0.1:5000}
"""


@pytest.mark.slow
def test_on_docker_swarm(directory):
    """Two nodes in namespaces of their own; both pull from a registry on the first."""
    (directory / "registry.yml").write_text(REGISTRY.replace("DIRECTORY", str(directory)))
    serve = "docker-registry serve registry.yml >registry.log 2>&1 &"
    second = "export SECOND=$DOCKER_HOST_2 SECOND_ADDRESS=10.77.0.2"
    before = f"{serve} export REGISTRY=10.77.0.1:5000 CAISSON_INSECURE_PLAIN_HTTP=1; {second}"
    copy_example("visits", directory)
    done = follow("swarm", directory, wrapper=(str(SCRIPTS / "with-docker"), "--swarm"), before=before)
    assert done.stdout.count(ACCEPTED) == 3
    assert {"first", "second"} <= set(done.stdout.split())
    assert "policy `nginx` refuses it: another mrenclave" in done.stdout
    assert f"is workload `visits`, {ACCEPTED}" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("visit ")] == ["visit 1", "visit 2"]
    assert "exited 137, SIGKILL" in done.stdout
    # Volumes that were removed at the end: data, and what a task had in memory.
    assert done.stdout.splitlines()[-1].startswith(("caisson-redis", "caisson.redis"))
