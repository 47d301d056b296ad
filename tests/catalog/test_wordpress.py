"""WordPress and the database beside it: what people do in a browser, and what the two hold against the host.

The tests run in the order in which they stand here, on one pair of containers.
"""

import shutil
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Error

from tests.catalog import fastcgi
from tests.catalog import test_entries as promises
from tests.catalog.browser import browser
from tests.catalog.impostor import authority, credentials, double
from tests.catalog.running import brought_up

AUTHOR, PASSWORD = "author", "a long sentence that only the author knows"
TITLE, WORDS = "Written inside an enclave", "Nobody else has read the draft of this."
PATIENCE = 60_000  # milliseconds
DATABASE, NETWORK = "wordpress-mariadb", "caisson-wordpress"


@pytest.fixture(scope="module")
def wordpress():
    with brought_up("wordpress") as running:
        yield running


@pytest.fixture(scope="module")
def database(wordpress):
    return wordpress.beside("mariadb")


@pytest.fixture(scope="module")
def site(wordpress):
    """Its address by the name in its certificate."""
    return f"https://localhost:{wordpress.up['address'].rpartition(':')[2]}"


@pytest.fixture(scope="module")
def page(wordpress, site, tmp_path_factory):
    """A page of the owner's browser, which trusts the key server."""
    credentials = {"username": "owner", "password": wordpress.secrets["wordpress-installer-password"], "origin": site}
    with browser(tmp_path_factory.mktemp("owner"), ca=wordpress.up["ca"]) as opened:
        page = opened.new_context(http_credentials=credentials).new_page()
        page.set_default_timeout(PATIENCE)
        yield page


def status(wordpress, url):
    """Ask for a page as `curl` would; give its status and what it says."""
    context = ssl.create_default_context(cafile=wordpress.up["ca"])
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:  # PHP starts
                return error.code, error.read()
        time.sleep(0.2)


def visit(page, url):
    """Go to a page, again where Chromium gives up since an interface of the network came or went, as containers' do."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return page.goto(url)
        except Error as error:
            if "ERR_NETWORK_CHANGED" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def test_a_browser_that_does_not_know_the_key_server_shows_nothing(site, tmp_path):
    with browser(tmp_path / "stranger") as opened:
        page = opened.new_page()
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            visit(page, site)
        page.wait_for_url("chrome-error://chromewebdata/")
        assert "WordPress" not in page.content()


def test_a_browser_takes_no_certificate_for_another_name(wordpress, site, tmp_path):
    with browser(tmp_path / "owner", ca=wordpress.up["ca"]) as opened:
        page = opened.new_page()
        with pytest.raises(Error, match="ERR_CERT_COMMON_NAME_INVALID"):
            visit(page, site.replace("localhost", "elsewhere.localhost"))


def test_its_owner_installs_it_in_a_browser(page, site, wordpress):
    status(wordpress, f"{site}/healthz")  # until PHP is there
    visit(page, site)
    assert page.url == f"{site}/wp-admin/install.php"
    page.get_by_label("Site Title").fill("A confidential site")
    page.get_by_label("Username").fill(AUTHOR)
    page.locator("#pass1").fill(PASSWORD)
    page.get_by_label("Your Email").fill("author@example.org")
    page.get_by_role("button", name="Install WordPress").click()
    page.get_by_role("heading", name="Success!").wait_for()


@pytest.mark.parametrize(
    ("file", "runs"),
    [
        ("/srv/wordpress/wp-login.php", True),
        ("/etc/caisson/healthz.php", True),
        ("/tmp/wordpress.json", False),
        ("/tmp/database-key.pem", False),
        ("/srv/wordpress/../../tmp/wordpress.json", False),
        ("/run/caisson/tls/key.pem", False),
        ("/run/caisson/secrets/wordpress.json", False),
        ("/proc/self/environ", False),
        ("/srv/wp-config.php", False),
        ("/srv/wordpress/wp-includes/version.php/x.php", False),
        ("/srv/wordpress/wp-includes/blocks/archives/block.json", False),
    ],
)
def test_php_runs_no_file_that_is_not_wordpress_s_whoever_asks(wordpress, file, runs):
    """One who got past NGINX, which asks for no such file, hands PHP a secret in the place of a script."""
    answer = fastcgi.ask(wordpress.pid(), SCRIPT_FILENAME=file, SCRIPT_NAME="/wp-login.php")
    assert answer.startswith(fastcgi.NOTHING) is not runs, answer
    if not runs:
        assert answer in (fastcgi.NOTHING, fastcgi.NO_SUCH_FILE)


def test_only_the_program_s_own_user_gets_to_php_s_socket(wordpress):
    found = fastcgi.socket_of(wordpress.pid()).parent.stat()
    assert (found.st_mode & 0o7777, found.st_uid) == (0o700, 999)


def test_the_author_logs_in_and_publishes_a_post(page, site):
    visit(page, f"{site}/wp-login.php")
    page.locator("#user_login:focus").wait_for()  # the page's own script moves the cursor there
    page.get_by_label("Username or Email Address").fill(AUTHOR)
    page.locator("#user_pass").fill(PASSWORD)
    page.get_by_role("button", name="Log In").click()
    page.get_by_role("heading", name="Dashboard", level=1).wait_for()

    visit(page, f"{site}/wp-admin/post-new.php")
    page.get_by_role("button", name="Close dialog").click()
    page.get_by_role("textbox", name="Add title").fill(TITLE)
    page.keyboard.press("Enter")
    page.locator("[data-type='core/paragraph']:focus").wait_for()  # what is typed before goes elsewhere
    page.keyboard.type(WORDS)
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("region", name="Editor publish").get_by_role("button", name="Publish", exact=True).click()
    page.get_by_text("is now live").wait_for()


@pytest.fixture(scope="module")
def picture(page, site):
    """A picture that the author uploads: its address and its bytes."""
    content = page.screenshot()
    visit(page, f"{site}/wp-admin/media-new.php?browser-uploader")
    page.locator("#async-upload").set_input_files({"name": "seen.png", "mimeType": "image/png", "buffer": content})
    page.locator("#html-upload").click()
    page.wait_for_url("**/upload.php**")
    (found,) = page.evaluate("fetch('/index.php?rest_route=/wp/v2/media').then(answer => answer.json())")
    return found["source_url"], content


def test_what_is_written_and_uploaded_is_there_after_a_restart_of_both(page, picture, wordpress, database, site):
    for one in (wordpress, database):
        code, _ = one.stop()
        assert code == one.promises.stop_status, one.logs()
    wordpress.start()
    status(wordpress, f"{site}/healthz")
    visit(page, site)
    visit(page, page.get_by_role("link", name=TITLE).first.get_attribute("href"))
    page.get_by_text(WORDS).wait_for()
    address, content = picture
    assert visit(page, address).body() == content
    visit(page, f"{site}/wp-admin/")  # still logged in: the keys of cookies are kept, too
    page.get_by_role("heading", name="Dashboard", level=1).wait_for()


def test_what_lies_among_the_uploads_is_sent_and_never_run(wordpress, site):
    (mount,) = (one for one in wordpress.inspect("Mounts") if one["Destination"].endswith("/uploads"))
    script = b"<?php echo 6 * 7;"
    (Path(mount["Source"]) / "shell.php").write_bytes(script)
    assert status(wordpress, f"{site}/wp-content/uploads/shell.php") == (200, script)
    assert status(wordpress, f"{site}/wp-content/uploads/shell.php/x.php")[0] == 404
    path = "/srv/wordpress/wp-content/uploads/shell.php"
    assert fastcgi.ask(wordpress.pid(), SCRIPT_FILENAME=path, SCRIPT_NAME="/shell.php") == fastcgi.NOTHING


@pytest.mark.parametrize(
    "promise",
    [
        promises.test_it_proves_itself_to_whoever_asks,
        promises.test_it_is_healthy,
        promises.test_nothing_listens_but_the_ports_that_it_publishes,
        promises.test_no_image_log_argument_or_label_holds_a_secret,
        promises.test_it_runs_locked_down,
        promises.test_without_an_acceptable_measurement_there_is_no_secret,
        promises.test_another_signer_gets_no_key,
    ],
)
def test_the_database_keeps_what_every_entry_promises(wordpress, promise):
    promise(wordpress.beside("mariadb"))


def test_the_database_lets_nobody_in_from_inside_its_own_network(database):
    (step,) = (one for one in database.promises.start if "{pid}" in one.command[-1])
    database.carry_out([step])


def test_the_database_is_the_one_of_the_catalog_with_secrets_of_its_own(wordpress, database, tmp_path):
    key = wordpress.stage.home / "signing-key.pem"
    built = wordpress.stage.ask(
        *("build", "--catalog", "mariadb", "--key", key, "--key-server-pin", wordpress.up["key_server_pin"]),
        f"oci:{tmp_path}/mariadb:latest",
    )
    assert built["mrenclave"] == database.up["mrenclave"]
    listed = wordpress.stage.ask(
        *("secret", "list", "--server", wordpress.up["key_server"], "--ca", wordpress.up["ca"]),
        *("--token-file", wordpress.stage.home / "operator.token"),
    )
    names = {one["name"] for one in listed["secrets"]}
    assert {"wordpress-mariadb-password", "wordpress-mariadb-data-key"} <= names
    assert not {"mariadb-password", "mariadb-data-key"} & names


@pytest.mark.parametrize(
    ("genuine", "workload", "logs_in"),
    [(True, "wordpress", True), (True, "mallory", False), (False, "wordpress", False), (None, None, False)],
    ids=["as WordPress has it", "another workload's", "another authority's", "none"],
)
def test_the_database_lets_wordpress_in_only_with_its_own_certificate(wordpress, tmp_path, genuine, workload, logs_in):
    shown = ()
    if workload is not None:
        ca = authority(wordpress.stage.home, genuine=genuine)
        directory = credentials(tmp_path / "client", ca, workload=workload)
        shown = (f"--ssl-cert={directory}/certificate.pem", f"--ssl-key={directory}/key.pem")
    host, _, port = wordpress.beside("mariadb").up["address"].rpartition(":")
    done = wordpress.stage.run(
        *("mariadb", f"--ssl-ca={wordpress.up['ca']}", *shown, "-h", host, "-P", port, "-u", "wordpress"),
        *("-N", "-e", "SELECT CURRENT_USER()", "wordpress"),
        MYSQL_PWD=wordpress.secrets["wordpress-database-password"],
    )
    assert (done.status == 0) is logs_in, done.stderr
    assert ("wordpress@%" in done.stdout) is logs_in
    if not logs_in:
        assert "Access denied" in done.stderr or "TLS/SSL error" in done.stderr


@pytest.mark.parametrize(
    ("genuine", "name", "comes"),
    [(True, DATABASE, True), (True, "mariadb", False), (False, DATABASE, False), (None, None, False)],
    ids=["as the database has it", "for another name", "another authority's", "none, and plain text"],
)
def test_wordpress_talks_only_to_a_database_with_the_right_certificate(wordpress, site, tmp_path, genuine, name, comes):
    """The host puts another database in the place of the right one, which would take any password."""
    wordpress.stage.run("docker", "stop", DATABASE)
    directory = None
    if name is not None:
        ca = authority(wordpress.stage.home, genuine=genuine)
        directory = credentials(tmp_path / "server", ca, workload=name, dns=(name,))
    try:
        with double(
            f"caisson/{DATABASE}", network=NETWORK, alias=DATABASE, ca=wordpress.up["ca"], directory=directory
        ) as who_came:
            code, shown = status(wordpress, site)
            assert code == 500
            assert b"Error establishing a database connection" in shown
            said = who_came()
            assert ("Connect\twordpress@" in said) is comes, f"{said}\n{wordpress.logs()}"
            assert wordpress.secrets["wordpress-database-password"] not in said
    finally:
        if directory is not None:
            shutil.rmtree(directory)


def test_with_its_database_back_the_site_is_as_it_was(wordpress, site):
    wordpress.start()
    code, shown = status(wordpress, site)
    assert code == 200
    assert TITLE.encode() in shown
