"""What premain adds to a container's start besides hashing (goal: 25 ms), from exec to execve.

The platform and the key server are this script: they answer with the bytes that the protocol wants and judge nothing,
and the time they take is taken off, once where both work at once. So is the launch, in which the platform receives
premain's own bytes to hash them. The manifest trusts one small program, so that hashing costs next to nothing; the
program's own start is measured without premain and taken off too.
"""

import datetime as dt
import hashlib
import json
import os
import socketserver
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_public_key

from caisson.conversion import premain
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

ROUNDS = 30
GOAL = 25.0
PROGRAM = Path("/bin/sh").resolve()
IDENTITY = Ed25519PrivateKey.generate()
AUTHORITY = ec.generate_private_key(ec.SECP256R1())
OTHERS = ("launch", "challenge", "activation")

worked: dict[str, tuple[float, float]] = {}


def work(name: str, begin: float) -> None:
    """Remember from when until now one of the others worked."""
    worked[name] = begin, time.perf_counter()


def certificate(public_key: ec.EllipticCurvePublicKey) -> x509.Certificate:
    """Give a certificate that only has the right key."""
    name, now = x509.Name([]), dt.datetime.now(dt.UTC)
    return x509.CertificateBuilder(name, name, public_key, 1, now, now + dt.timedelta(hours=1)).sign(
        AUTHORITY, hashes.SHA256()
    )


class KeyServer(BaseHTTPRequestHandler):
    """Challenges and activates everybody."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer
    disable_nagle_algorithm = True  # which would wait 40 ms for an acknowledgement

    def do_POST(self) -> None:
        """Answer one of the two requests."""
        raw = self.rfile.read(int(self.headers["content-length"]))
        begin = time.perf_counter()
        if self.path == "/v1/challenges":
            status, body = HTTPStatus.CREATED, sign_challenge(Nonce(os.urandom(32)), expires=0, key=IDENTITY)
        else:
            status, body = HTTPStatus.OK, self.activate(RuntimeData.parse(ActivationEvidence.parse(raw).runtime_data))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        work("challenge" if status == HTTPStatus.CREATED else "activation", begin)
        self.wfile.write(body)
        self.wfile.flush()

    def activate(self, data: RuntimeData) -> bytes:
        """Seal a bundle with one of everything."""
        public_key = load_der_public_key(data.tls_public_key)
        if not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise TypeError("the guest's TLS key is on no curve")
        bundle = Bundle(
            workload=data.workload,
            expires=0,
            fs_keys={},
            files=(BundleFile(path="/run/caisson/secret", mode=0o400, content=bytes(1000)),),
            env={"PASSWORD": "x" * 32},
            argv=(),
            certificate_chain=(certificate(public_key).public_bytes(Encoding.DER),),
        )
        return seal_bundle(bundle, hpke_public_key=data.hpke_public_key, report_data=data.report_data, key=IDENTITY)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's names
        """Say nothing."""


class Platform(socketserver.StreamRequestHandler):
    """Answers with bytes of the right length."""

    def handle(self) -> None:
        """Serve one connection."""
        while head := self.rfile.read(5):
            operation, size = struct.unpack("<BI", head)
            begin = time.perf_counter()
            self.rfile.read(size)
            answer = bytes({1: 64, 2: 432, 4: 512, 5: 4600}[operation])
            if operation == 1:
                work("launch", begin)
            self.wfile.write(struct.pack("<BI", 0, len(answer)) + answer)


def manifest() -> str:
    """Give a manifest that trusts one program."""
    measured = {
        "CAISSON_RUNTIME": "native",
        "CAISSON_KEY_SERVER_PIN": str(ServerKeyHash.of(encode_identity(IDENTITY.public_key()))),
        "CAISSON_TLS_CERTIFICATE": "/run/caisson/certificate.pem",
        "CAISSON_TLS_KEY": "/run/caisson/key.pem",
    }
    lines = ["[loader]", f"argv = {json.dumps(['premain', str(PROGRAM), 'sh', '-c', 'echo'])}", "[loader.env]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in measured.items()]
    for name in ("KEY_SERVER", "WORKLOAD", "PLATFORM"):
        lines += [f"[loader.env.CAISSON_{name}]", "passthrough = true"]
    lines += ["[[fs.mounts]]", 'type = "tmpfs"', 'path = "/run/caisson"']
    digest = hashlib.sha256(PROGRAM.read_bytes()).hexdigest()
    lines += ["[[sgx.trusted_files]]", f'uri = "file:{PROGRAM}"', f'sha256 = "{digest}"']
    return "\n".join(lines) + "\n"


def lay_out(root: Path) -> None:
    """Make a root directory with premain in it, in a mount namespace of our own."""
    for name in (".caisson", "proc", "usr", "run/caisson"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / ".caisson/premain").write_bytes(premain())
    (root / ".caisson/premain").chmod(0o755)
    (root / ".caisson/app.manifest.sgx").write_text(manifest())
    (root / ".caisson/app.sig").write_bytes(bytes(1808))
    subprocess.run(["mount", "-t", "proc", "proc", str(root / "proc")], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(root / "run/caisson")], check=True)
    subprocess.run(["mount", "--rbind", "/usr", str(root / "usr")], check=True)


def listen(root: Path) -> dict[str, str]:
    """Start both servers and give the environment that leads to them."""
    key = ec.generate_private_key(ec.SECP256R1())
    identity = root / "server.pem"
    identity.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate(key.public_key()).public_bytes(Encoding.PEM)
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(identity)
    server = ThreadingHTTPServer(("127.0.0.1", 0), KeyServer)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    platform = socketserver.ThreadingUnixStreamServer(str(root / "run/platform.sock"), Platform)
    platform.daemon_threads = True
    for each in (server, platform):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    return {
        "CAISSON_KEY_SERVER": f"https://127.0.0.1:{server.server_port}",
        "CAISSON_WORKLOAD": "bench",
        "CAISSON_PLATFORM": "unix:/run/platform.sock",
    }


def start(root: Path, environment: dict[str, str], *command: str) -> float:
    """Start a command in the root directory and give the milliseconds until it speaks."""
    begin = time.perf_counter()
    with subprocess.Popen(
        ["/usr/sbin/chroot", str(root), *command], env=environment, stdout=subprocess.PIPE
    ) as process:
        if process.stdout is None or process.stdout.read(1) != b"\n":
            raise SystemExit("error: the program did not start")
        return (time.perf_counter() - begin) * 1e3


def busy() -> float:
    """Give the milliseconds in which at least one of the others worked."""
    total, until = 0.0, 0.0
    for begin, end in sorted(worked.values()):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total * 1e3


def main() -> None:
    """Make a mount namespace, in which nothing is removed, and a directory, which is removed outside of it."""
    with tempfile.TemporaryDirectory(prefix="c") as root:
        again = ["unshare", "--mount", sys.executable, __file__, root]
        raise SystemExit(subprocess.run(again, check=False).returncode)


def compare(root: Path) -> None:
    """Start premain and the bare program by turns, print medians and what premain adds."""
    lay_out(root)
    environment = listen(root)
    starts, bare, others = [], [], []
    spent: dict[str, list[float]] = {name: [] for name in OTHERS}
    for _ in range(ROUNDS):
        bare.append(start(root, environment, str(PROGRAM), "-c", "echo"))
        worked.clear()
        starts.append(start(root, environment, "/.caisson/premain"))
        others.append(busy())
        for name, (begin, end) in worked.items():
            spent[name].append((end - begin) * 1e3)
        for left in (root / "run/caisson").iterdir():
            left.unlink()
    program = statistics.median(bare)
    own = statistics.median(whole - other - program for whole, other in zip(starts, others, strict=True))
    print(f"  {'exec to program':26} {statistics.median(starts):6.1f} ms")
    for name in OTHERS:
        print(f"  {name + ' (others)':26} {statistics.median(spent[name]):6.1f} ms")
    print(f"  {'the program by itself':26} {program:6.1f} ms")
    print(f"premain adds {own:.1f} ms to a start besides hashing (goal {GOAL:.0f} ms; medians of {ROUNDS} starts)")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        compare(Path(sys.argv[1]))
    else:
        main()
