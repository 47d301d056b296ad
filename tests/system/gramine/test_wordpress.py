"""WordPress and the database beside it under gramine-direct: children of the shell have what they need."""

import contextlib
import http.client
import ssl
import time

import pytest

from caisson import catalog
from caisson.conversion import companion
from caisson.conversion.recipe import AddedFile
from tests.listeners import listeners

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# Both are on this machine's loopback; in a container the engine's name server answers.
HOSTS = AddedFile(path="/etc/hosts", content="127.0.0.1 localhost wordpress-mariadb\n")
PATIENCE = 240  # seconds


def ask(ca, path):
    """Ask WordPress for a page; give its status and where it leads."""
    context = ssl.create_default_context(cadata=ca)
    with contextlib.closing(http.client.HTTPSConnection("localhost", 8443, timeout=60, context=context)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Location"]


def until(wanted, ca, path, processes):
    """Ask until the status is the wanted one; give where the page leads."""
    deadline = time.monotonic() + PATIENCE
    while True:
        assert [process.poll() for process in processes] == [None] * len(processes)
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, leads = ask(ca, path)
            if status == wanted:
                return leads
        assert time.monotonic() < deadline
        time.sleep(1)


def test_wordpress_finds_its_database_on_the_first_start_and_on_the_next(place):
    recipe = catalog.load("wordpress").recipe
    recipe = recipe.model_copy(update={"file": (*recipe.file, HOSTS)})
    database = companion(recipe, recipe.beside[0], catalog.load("mariadb").recipe.taken_from(upstream=False))
    beside, site = place.build(database, "wordpress-mariadb"), place.build(recipe, "wordpress")
    for one in (beside, site):
        place.admit(one)
    ca = place.home.server_ca.read_text()
    for _ in range(2):
        with place.run(beside) as first, place.run(site) as second:
            # Only with the right certificates on both sides does WordPress find out that nothing is installed.
            leads = until(302, ca, "/", (first, second))
            assert leads.endswith("/wp-admin/install.php")
            assert ask(ca, "/wp-admin/install.php")[0] == 401
            assert {port for _, port in listeners(second.pid)} == {8443}
