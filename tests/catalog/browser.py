"""A real browser, with a home of its own that trusts what a test says and nothing else."""

import subprocess
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

PROGRAM = "/usr/bin/chromium"
OPTIONS = (
    # Root has no sandbox; nothing but the test's own pages is opened.
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@contextmanager
def browser(home, *, ca=None):
    """Open a browser; `ca` is the file (PEM) of the only authority that it trusts besides those it came with.

    It checks certificates and names as it does for people. Gives Playwright's browser.
    """
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    certutil = ("certutil", "-d", f"sql:{database}")
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    if ca is not None:
        subprocess.run([*certutil, "-A", "-n", "Caisson", "-t", "C,,", "-i", ca], check=True)
    with sync_playwright() as playwright:
        environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
        opened = playwright.chromium.launch(executable_path=PROGRAM, args=list(OPTIONS), env=environment)
        try:
            yield opened
        finally:
            opened.close()
