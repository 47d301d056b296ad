"""The real guest agent in a container of its own: namespaces, a root directory, and servers that play their parts."""

import datetime as dt
import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from caisson.protocol import (
    ActivationEvidence,
    Bundle,
    BundleFile,
    Nonce,
    RuntimeData,
    ServerKeyHash,
    encode_identity,
    seal_bundle,
    sign_challenge,
)

SOURCE = Path(__file__).parents[3] / "premain"
PROGRAM = Path("/bin/sh").resolve()
MOUNT = "/run/caisson"

# Who starts the tests in the background of a script lets them ignore these, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

# Outside, unshare makes a mount namespace and sees what is left; inside, premain is process 1.
OUTSIDE = """
set -e
ulimit -c 4096
mount -t tmpfs -o mode=1777 tmpfs "$1/run/caisson"
mount --bind /usr "$1/usr"
mount -o remount,bind,ro "$1/usr"
status=0
unshare --pid --fork --kill-child sh -c "$2" inside "$@" || status=$?
find "$1/run/caisson" -mindepth 1 > "$1/left"
exit $status
"""
INSIDE = """
mount -t proc proc "$1/proc"
root=$1 user=$3
shift 3
exec chroot --userspec="$user" "$root" /.caisson/premain "$@"
"""


def build(source, output):
    subprocess.run([sys.executable, str(source / "build.py"), str(output)], check=True)
    return output


@pytest.fixture(scope="session")
def binary(tmp_path_factory):
    return build(SOURCE, tmp_path_factory.mktemp("premain") / "premain")


class KeyServer(http.server.ThreadingHTTPServer):
    """Plays the key server's part of the protocol without judging anybody."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _KeyServerHandler)
        self.key = Ed25519PrivateKey.generate()
        self.pin = str(ServerKeyHash.of(encode_identity(self.key.public_key())))
        self.activation_status = 200
        self.activations = 0
        self.hold = threading.Event()
        self.hold.set()
        self.reached = threading.Event()
        self.change = {}

    def bundle(self, data):
        return Bundle(
            **{
                "workload": data.workload,
                "expires": 0,
                "fs_keys": {},
                "files": (BundleFile(path=f"{MOUNT}/etc/secret", mode=0o440, content=b"canary-file"),),
                "env": {"PASSWORD": "canary-env"},
                "argv": ("canary-argument",),
                "certificate_chain": (certificate(data.tls_public_key),),
            }
            | self.change
        )


def certificate(public_key):
    name = x509.Name([])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, load_der_public_key(public_key), 1, now, now)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.DER)


class _KeyServerHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server
        raw = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/challenges":
            return self.answer(201, sign_challenge(Nonce(os.urandom(32)), expires=0, key=server.key))
        server.activations += 1
        data = RuntimeData.parse(ActivationEvidence.parse(raw).runtime_data)
        sealed = seal_bundle(
            server.bundle(data), hpke_public_key=data.hpke_public_key, report_data=data.report_data, key=server.key
        )
        server.reached.set()
        server.hold.wait(60)
        return self.answer(server.activation_status, sealed)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Platform(socketserver.ThreadingUnixStreamServer):
    """Answers the platform's requests with bytes of the right length, which are evidence of nothing."""

    daemon_threads = True

    def __init__(self, path):
        super().__init__(str(path), _PlatformHandler)
        self.refuse = {}
        self.launched = []


class _PlatformHandler(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self.rfile.read(5):
            operation, size = struct.unpack("<BI", head)
            payload = self.rfile.read(size)
            if operation in self.server.refuse:
                status, words = self.server.refuse[operation]
                self.wfile.write(struct.pack("<BI", status, len(words)) + words)
                return
            if operation == 1:
                self.server.launched.append(payload)
            answer = {1: bytes(64), 2: bytes(432), 4: bytes(512), 5: bytes(1000)}[operation]
            self.wfile.write(struct.pack("<BI", 0, len(answer)) + answer)


@dataclass
class Container:
    root: Path
    server: KeyServer
    platform: Platform
    script: str = "true"
    arguments: tuple[str, ...] = ()
    measured: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    user: int = 0  # the measured one
    runs_as: str = "0:0"
    tmpfs: str = MOUNT
    trusted: tuple[str, ...] = (str(PROGRAM), "/.caisson/premain")

    def manifest(self):
        text = json.dumps  # a TOML value is a JSON one here
        lines = ["[loader]", f"argv = {text(['premain', str(PROGRAM), 'sh', '-c', self.script, 'sh'])}"]
        lines += [f"uid = {self.user}", f"gid = {self.user}", "[loader.env]"]
        lines += [f"{name} = {text(value)}" for name, value in self.measured.items()]
        for name in ("KEY_SERVER", "WORKLOAD", "TIMEOUT", "PLATFORM"):
            lines += [f"[loader.env.CAISSON_{name}]", "passthrough = true"]
        lines += ["[fs]", 'start_dir = "/data"', "[[fs.mounts]]", 'type = "tmpfs"', f"path = {text(self.tmpfs)}"]
        for path in self.trusted:
            content = (self.root / path[1:]).read_bytes() if path.startswith("/.") else PROGRAM.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            lines += ["[[sgx.trusted_files]]", f"uri = {text('file:' + path)}", f"sha256 = {text(digest)}"]
        return "\n".join(lines) + "\n"

    def start(self):
        manifest = self.root / ".caisson/app.manifest.sgx"
        if not manifest.exists():
            manifest.write_text(self.manifest())
        namespaces = ["--mount"] if os.geteuid() == 0 else ["--mount", "--user", "--map-root-user"]
        command = [
            "unshare",
            *namespaces,
            "sh",
            "-c",
            OUTSIDE,
            "outside",
            str(self.root),
            INSIDE,
            self.runs_as,
            *self.arguments,
        ]
        return subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], **self.outside},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self):
        with self.start() as process:
            stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout, stderr

    def left(self):
        return (self.root / "left").read_text().splitlines()

    def signal(self, number):
        """Send a signal to process 1 of the container."""
        for _ in range(200):
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    numbers = re.search(r"^NSpid:\s.*\s1$", (entry / "status").read_text(), re.MULTILINE)
                    found = numbers and (entry / "root").readlink() == self.root
                except OSError:
                    continue
                if found:
                    os.kill(int(entry.name), number)
                    return
            time.sleep(0.02)
        pytest.fail("the container has no process")


@pytest.fixture
def container(binary):
    # A short path: that of the platform's socket has at most 107 bytes.
    root = Path(tempfile.mkdtemp(prefix="c"))
    root.chmod(0o755)
    for name in (".caisson", "proc", "usr", "data", "run/caisson", "tmp"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    shutil.copy(binary, root / ".caisson/premain")
    (root / ".caisson/app.sig").write_bytes(bytes(1808))
    with KeyServer() as server, Platform(root / "run/platform.sock") as platform:
        (root / "run/platform.sock").chmod(0o666)
        for each in (server, platform):
            threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        measured = {
            "CAISSON_RUNTIME": "native",
            "CAISSON_KEY_SERVER_PIN": server.pin,
            "CAISSON_TLS_CERTIFICATE": f"{MOUNT}/tls/certificate.pem",
            "CAISSON_TLS_KEY": f"{MOUNT}/tls/key.pem",
            "PATH": "/usr/bin:/bin",
        }
        outside = {
            "CAISSON_KEY_SERVER": f"http://127.0.0.1:{server.server_port}",
            "CAISSON_WORKLOAD": "redis",
            "CAISSON_TIMEOUT": "60",
            "CAISSON_PLATFORM": "unix:/run/platform.sock",
            "SMUGGLED": "x",
        }
        yield Container(root, server, platform, measured=measured, outside=outside)
        server.hold.set()
        server.shutdown()
        platform.shutdown()
    shutil.rmtree(root)
