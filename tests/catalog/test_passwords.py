"""Passwords that an operator chose: whatever is in them, they let people in or end the start, and nothing else does."""

from dataclasses import replace

import pytest

from caisson.catalog import Step
from tests.catalog.running import brought_up

ODD = 'it\'s "\N{LATIN SMALL LETTER E WITH ACUTE}"; -- \\'
# What would be lines of its own where a password is written as it is: a setting, and a user.
LINES = f"{ODD}\nenable-debug-command yes\nmallory:mallory"
# Longer than any statement that MariaDB reads from `--init-file`.
UNUSABLE = "x" * 70_000

NO_DEBUGGING = Step(
    name="debugging stays off",
    command=("redis-cli", "--tls", "--cacert", "{ca}", "-h", "{host}", "-p", "{port}", "DEBUG", "SLEEP", "0"),
    environment={"REDISCLI_AUTH": "{secret}"},
    output="DEBUG command not allowed",
)


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def emptied(request):
    """A program that ran and was taken away with its volume; the key server is still there."""
    with brought_up(request.param) as running:
        running.stage.succeed("down", running.entry.recipe.name, "--volumes")
        yield running


@pytest.fixture
def chosen(emptied, tmp_path):
    """Set the program's password, as its operator would."""

    def choose(password):
        file = tmp_path / "password"
        file.write_text(password)
        connection = ("--server", emptied.up["key_server"], "--ca", emptied.up["ca"])
        emptied.stage.succeed(
            *("secret", "set", f"{emptied.entry.recipe.name}-password", "--from-file", file),
            *(*connection, "--token-file", emptied.stage.home / "operator.token"),
        )

    return choose


@pytest.fixture
def given(emptied, chosen):
    """Set the program's password, and start it anew."""

    def give(password):
        chosen(password)
        running = replace(emptied)  # with none of the secrets that were asked for before
        running.start()
        return running

    yield give
    emptied.stage.succeed("down", emptied.entry.recipe.name, "--volumes")


def test_a_password_with_quotes_and_backslashes_is_the_one_that_counts(given):
    running = given(ODD)
    assert running.secrets[f"{running.entry.recipe.name}-password"] == ODD
    running.carry_out(running.promises.start)


@pytest.mark.parametrize("emptied", ["redis", "mosquitto"], indirect=True)
def test_a_password_of_several_lines_is_the_one_that_counts_and_sets_nothing_else(given):
    running = given(LINES)
    assert running.secrets[f"{running.entry.recipe.name}-password"] == LINES
    running.carry_out(running.promises.start)
    if running.entry.name == "redis":
        running.carry_out([NO_DEBUGGING])


@pytest.mark.parametrize("emptied", ["memcached"], indirect=True)
def test_where_it_cannot_be_written_a_password_of_several_lines_ends_the_start(emptied, chosen):
    chosen(LINES)
    done = emptied.stage.caisson("up", "memcached")
    assert done.status == 2
    assert "secret `memcached-password` has other characters than" in done.stderr
    assert "mallory" not in done.stdout + done.stderr
    assert emptied.name not in emptied.stage.run("docker", "ps", "--all", "--format", "{{.Names}}").stdout.split()


@pytest.mark.parametrize("emptied", ["mariadb"], indirect=True)
def test_a_password_that_cannot_be_set_lets_nobody_in(given):
    running = given(UNUSABLE)
    done = ask(running, "SELECT 1", password="")
    assert done.status == 1
    assert "Access denied" in done.stderr


@pytest.mark.parametrize("emptied", ["mariadb"], indirect=True)
def test_users_without_a_password_of_an_older_volume_are_gone_after_a_restart(given):
    running = given("an operator's own")
    old = "CREATE USER 'root'@'127.0.0.1'; GRANT ALL ON *.* TO 'root'@'127.0.0.1'; CREATE USER 'root'@'a\\_b', ''@'%'"
    assert ask(running, old).status == 0
    assert ask(running, "SELECT 1", user="somebody", password="").status == 0
    running.stop()
    running.start()
    running.carry_out(running.promises.start)
    left = ask(running, "SELECT CONCAT(User, '@', Host) FROM mysql.global_priv ORDER BY 1").stdout.split()
    assert left == ["caisson@%", "mariadb.sys@localhost", "root@localhost"]


def ask(running, statement, *, user="caisson", password="an operator's own"):
    host, _, port = running.up["address"].rpartition(":")
    client = ("mariadb", f"--ssl-ca={running.up['ca']}", "-h", host, "-P", port, "-u", user, "-N", "-e", statement)
    return running.stage.run(*client, MYSQL_PWD=password)
