"""PHP behind NGINX: what it does for one who asks PHP itself."""

import pytest

from tests.catalog import fastcgi
from tests.catalog.running import brought_up


@pytest.fixture(scope="module")
def php():
    with brought_up("php") as running:
        running.wait_until_healthy()
        yield running


@pytest.mark.parametrize(
    ("file", "runs"),
    [
        ("/srv/app/index.php", True),
        ("/srv/app/../../proc/self/environ", False),
        ("/proc/self/environ", False),  # the key is in there
        ("/run/caisson/tls/key.pem", False),
        ("/etc/caisson/nginx.conf", False),
    ],
)
def test_php_opens_no_file_that_is_not_the_service_s_whoever_asks(php, file, runs):
    answer = fastcgi.ask(php.pid(), SCRIPT_FILENAME=file, DOCUMENT_URI="/healthz")
    assert answer == (fastcgi.OK if runs else fastcgi.NO_SUCH_FILE)


def test_only_the_program_s_own_user_gets_to_php_s_socket(php):
    found = fastcgi.socket_of(php.pid()).parent.stat()
    assert (found.st_mode & 0o7777, found.st_uid) == (0o700, 999)
