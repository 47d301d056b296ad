"""What a registry says of itself, and what stands in files with credentials."""

import contextlib
import tempfile
from pathlib import Path

import httpx2

from caisson.errors import CaissonError
from caisson.oci import RegistryName
from caisson.oci.registry.challenge import read_challenges
from caisson.oci.registry.credentials import CredentialStore
from caisson.oci.registry.retry import retry_after
from caisson.oci.registry.session import complaint

NAME = RegistryName.parse("h.test:5000/team/app")


def check(raw):
    text = raw.decode("latin-1")
    read_challenges(text)
    assert "\x1b" not in complaint(raw)
    header = httpx2.Headers([(b"Retry-After", raw.replace(b"\r", b"").replace(b"\n", b""))])
    wait = retry_after(httpx2.Response(429, headers=header))
    assert wait is None or wait >= 0
    with contextlib.suppress(CaissonError):
        name = RegistryName.parse(text)
        assert RegistryName.parse(str(name)) == name
    with tempfile.TemporaryDirectory() as directory, contextlib.suppress(CaissonError):
        file = Path(directory) / "config.json"
        file.write_bytes(raw)
        CredentialStore(files=(file,), environment={"PATH": directory}).find(NAME)


def extra_seeds():
    return [
        b'Bearer realm="https://auth.test/token",service="s",scope="repository:a:pull,push"',
        b'Basic realm="x"',
        b"Wed, 21 Oct 2015 07:28:00 GMT",
        b"120",
        b"h.test:5000/a/b:v1@sha256:" + b"0" * 64,
        b'{"errors":[{"code":"DENIED","message":"no"}]}',
        b'{"auths":{"h.test:5000":{"auth":"YTpi"},"https://h.test:5000/v1/":{"identitytoken":"t","auth":"YTo="}}}',
        b'{"credHelpers":{"h.test:5000":"vault"},"credsStore":"none"}',
    ]
