"""Passwords that an operator chose: whatever is in them, they let people in, and nothing else does."""

from dataclasses import replace

import pytest

from tests.catalog.running import brought_up

ODD = 'it\'s "\N{LATIN SMALL LETTER E WITH ACUTE}"; -- \\'
# Longer than any statement that MariaDB reads from `--init-file`.
UNUSABLE = "x" * 70_000


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def emptied(request):
    """A database that ran and was taken away with its volume; the key server is still there."""
    with brought_up(request.param) as running:
        running.stage.succeed("down", running.entry.recipe.name, "--volumes")
        yield running


@pytest.fixture
def given(emptied, tmp_path):
    """Set the database's password, as its operator would, and start it anew."""

    def give(password):
        file = tmp_path / "password"
        file.write_text(password)
        connection = ("--server", emptied.up["key_server"], "--ca", emptied.up["ca"])
        emptied.stage.succeed(
            *("secret", "set", f"{emptied.entry.recipe.name}-password", "--from-file", file),
            *(*connection, "--token-file", emptied.stage.home / "operator.token"),
        )
        running = replace(emptied)  # with none of the secrets that were asked for before
        running.start()
        return running

    yield give
    emptied.stage.succeed("down", emptied.entry.recipe.name, "--volumes")


def test_a_password_with_quotes_and_backslashes_is_the_one_that_counts(given):
    running = given(ODD)
    assert running.secrets[f"{running.entry.recipe.name}-password"] == ODD
    running.carry_out(running.promises.start)


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
