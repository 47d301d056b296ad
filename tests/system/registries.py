"""Debian's `docker-registry` as a process: open, with passwords, TLS or tokens; and a line to it that breaks."""

import base64
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

USER, PASSWORD = "ada", "correct horse"
SERVICE, ISSUER = "registry.test", "issuer.test"
HALF_A_SECOND = 0.5
LIFETIME = 60  # of a token, in seconds
LISTENING = re.compile(r'msg="listening on \S+:([0-9]+)(?:, tls)?"')


@dataclass
class RealRegistry:
    """Started with `start`; `config` holds further sections of its configuration file."""

    directory: Path
    config: dict = field(default_factory=dict)
    http: dict = field(default_factory=dict)
    address: str = "127.0.0.1"
    name: str = "localhost"

    def start(self):
        document = {
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(self.directory / "data")}},
            "http": {"addr": f"{self.address}:0", **self.http},
            **self.config,
        }
        path = self.directory / "config.yml"
        path.write_text(json.dumps(document))  # JSON is YAML
        log = self.directory / "log"
        self.log = log.open("wb")
        self.process = subprocess.Popen(["docker-registry", "serve", str(path)], stdout=self.log, stderr=self.log)
        for _ in range(1200):
            if (listening := LISTENING.search(log.read_text())) is not None:
                self.port = int(listening[1])
                self.host = f"{self.name}:{self.port}"
                return
            assert self.process.poll() is None, log.read_text()
            time.sleep(0.05)
        raise AssertionError("docker-registry does not listen")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


def guard(directory, *hosts):
    """Give what a registry with a password, over TLS, is configured with, and the root to trust."""
    htpasswd = directory / "htpasswd"
    made = subprocess.run(["htpasswd", "-nbB", USER, PASSWORD], capture_output=True, check=True)
    htpasswd.write_bytes(made.stdout)
    root, key, _, _ = certificate(directory, "tls", *hosts)
    return {
        "config": {"auth": {"htpasswd": {"realm": "test", "path": str(htpasswd)}}},
        "http": {"tls": {"certificate": str(root), "key": str(key)}},
    }, root


def certificate(directory, name, *hosts):
    """Write a self-signed certificate and its key, and give their paths and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    if hosts:
        names = [_general(host) for host in (*hosts, "127.0.0.1")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = builder.sign(key, hashes.SHA256())
    certificate_path, key_path = directory / f"{name}.crt", directory / f"{name}.key"
    certificate_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_path, key_path, key, made


def _general(host):
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def write_auth(path, host, user=USER, password=PASSWORD):
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    path.write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return path


class TokenServer:
    """Gives tokens that a registry trusts (distribution's token specification): who has the password may push."""

    def __init__(self, directory):
        self.root, _, self._key, self._certificate = certificate(directory, "token")
        self.asked = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                query = parse_qs(urlsplit(self.path).query)
                expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                given = self.headers.get("Authorization")
                owner.asked.append((query.get("scope", []), given is not None))
                if given not in {None, expected}:
                    self.send_error(401)
                    return
                token = owner.token(query.get("scope", []), known=given is not None)
                body = json.dumps({"token": token, "expires_in": LIFETIME}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.realm = f"http://127.0.0.1:{self._server.server_port}/token"

    def config(self):
        return {"realm": self.realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(self.root)}

    def token(self, scopes, *, known):
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            allowed = [each for each in actions.split(",") if known or each == "pull"]
            access.append({"type": kind, "name": name, "actions": allowed})
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": USER if known else "",
            "aud": SERVICE,
            "exp": now + LIFETIME,
            "nbf": now - 5,
            "iat": now,
            "jti": os.urandom(8).hex(),
            "access": access,
        }
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        signed = ".".join(_url(json.dumps(part).encode()) for part in (header, claims))
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class BreakingLine:
    """A TCP line to a registry. `cuts` holds after how many more bytes, in both directions and on all its connections,
    the connection is cut that has the next ones."""

    def __init__(self, port):
        self.cuts = deque()
        self.broken = 0
        self._carried = 0
        self._counting = threading.Lock()
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"localhost:{self._listener.getsockname()[1]}"
        self._stopping = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while not self._stopping:
            ready, _, _ = select.select([self._listener], [], [], HALF_A_SECOND)
            if ready:
                near, _ = self._listener.accept()
                thread = threading.Thread(target=self._carry, args=(near,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _carry(self, near):
        broken_by_us_or_them = contextlib.suppress(OSError)
        with broken_by_us_or_them, near, socket.create_connection(("127.0.0.1", self._target)) as far:
            while not self._stopping:
                ready, _, _ = select.select([near, far], [], [], HALF_A_SECOND)
                for each in ready:
                    data = each.recv(1 << 16)
                    if not data:
                        return
                    if self._cut(len(data)):
                        return
                    (far if each is near else near).sendall(data)

    def _cut(self, size):
        with self._counting:
            self._carried += size
            if not self.cuts or self._carried <= self.cuts[0]:
                return False
            self.cuts.popleft()
            self._carried = 0
            self.broken += 1
            return True

    def stop(self):
        self._stopping = True
        for thread in self._threads:
            thread.join()
        self._listener.close()


def digest_of(path):
    return sha256(path.read_bytes()).hexdigest()


def _url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
