"""`caisson trace` on a program whose recipe lists nothing: with what it proposes, nothing is missing any more."""

import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from demo import CACHE
from demo.stage import Stage

pytestmark = pytest.mark.slow

RECIPE = """
version = 1
name = "traced"
summary = "Python that loads something late"
ports = [7555]

[source.debian]
suite = "bookworm"
packages = ["python3-minimal", "libpython3-stdlib"]

[application]
command = ["/usr/bin/python3", "/srv/serve.py"]
user = "999:999"
environment = { PYTHONDONTWRITEBYTECODE = "1" }

[enclave]
size = "1G"
max_threads = 32
isv_prod_id = 18
isv_svn = 1

[[file]]
path = "/srv/serve.py"
content = '''
import socket, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/run/caisson/tls/certificate.pem", "/run/caisson/tls/key.pem")
with socket.create_server(("127.0.0.1", 7555)) as server:
    connection = context.wrap_socket(server.accept()[0], server_side=True)
    import sqlite3
    connection.sendall(sqlite3.sqlite_version.encode())
    connection.close()
    server.accept()
'''
"""


@pytest.fixture
def stage():
    # A short path: the platform's socket lies in it, and a socket's path has at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="caisson-test-"))
    (home / "cache").symlink_to(CACHE)
    yield Stage(home)
    subprocess.run([sys.executable, "-m", "caisson.cli", "down", "--all", "--home", home], check=False)
    shutil.rmtree(home, ignore_errors=True)


def visit(*, ends):
    """Ask the program once, as soon as it answers; a second connection ends it."""
    for _ in range(600):
        try:
            # Who is traced is slow: who gives up and comes again would be the one that ends it.
            with socket.create_connection(("127.0.0.1", 7555), timeout=60) as plain:
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                with context.wrap_socket(plain) as connection:
                    connection.recv(64)
            if ends:
                socket.create_connection(("127.0.0.1", 7555), timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return


def trace(stage, recipe, *, seconds, ends):
    path = stage.home / "caisson.toml"
    path.write_text(recipe)
    visitor = threading.Thread(target=visit, kwargs={"ends": ends})
    visitor.start()
    found = stage.ask("trace", "--recipe", path, "--seconds", str(seconds))
    visitor.join()
    return found


def test_what_is_proposed_is_what_was_missing(stage):
    first = trace(stage, RECIPE, seconds=30, ends=False)
    assert first["status"] is None
    assert "/usr/lib/python3.11" in first["trusted"]
    assert any("libsqlite3" in path for path in first["modules"])
    lines = "\n".join(f"{name} = {json.dumps(first[name])}" for name in ("trusted", "modules"))
    second = trace(stage, f"{RECIPE}\n[files]\n{lines}\n", seconds=120, ends=True)
    assert (second["status"], second["trusted"], second["modules"]) == (0, [], [])
