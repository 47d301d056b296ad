"""Real services over real TLS, recorded and live, and everything that goes wrong between them and a client."""

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote as percent

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from caisson.cli.app import run
from caisson.cli.sources import CollateralSource, PcsAddress
from caisson.doctor.readings import QuoteProvider
from caisson.doctor.sensors.certificates import ask_pccs
from caisson.errors import Unavailable
from caisson.evidence import Collateral, RootKey, TcbChoice, verify_quote
from caisson.platform import PcsServer, pcs_application
from caisson.sgx import ReportData
from tests.guest import launch, make_platform, naming

NOW = dt.datetime.now(dt.UTC)
HOUR = NOW.replace(minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def platform():
    return make_platform(NOW.timestamp())


@pytest.fixture(scope="module")
def quote(platform):
    report = launch(platform).ereport(platform.quoting_enclave.target_info, ReportData(bytes(64)))
    return platform.quote(report)


@pytest.fixture(scope="module")
def recorded(platform):
    """What a caching service answered, by path: status, headers, body."""
    said = platform.collateral(HOUR)

    def document(member, name, header):
        body = f'{{"{member}":{said[name]},"signature":"{said[f"{name}_signature"]}"}}'
        return 200, {header: percent(said[f"{name}_issuer_chain"]), "content-type": "application/json"}, body.encode()

    return {
        "pckcrl": (
            200,
            {"SGX-PCK-CRL-Issuer-Chain": percent(said["pck_crl_issuer_chain"])},
            bytes.fromhex(said["pck_crl"]),
        ),
        "rootcacrl": (200, {}, said["root_ca_crl"].encode()),
        "tcb": document("tcbInfo", "tcb_info", "TCB-Info-Issuer-Chain"),
        "qe/identity": document("enclaveIdentity", "qe_identity", "SGX-Enclave-Identity-Issuer-Chain"),
    }


def certificate(directory, *, names, days=1):
    """A self-signed certificate as a PCCS makes it at installation; give the file with its key, and the one without."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PCCS")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=2))
        .not_valid_after(NOW + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    public, private = directory / "pccs.pem", directory / "pccs.key.pem"
    public.write_bytes(pem)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    return private, public


@pytest.fixture
def serve(recorded):
    """Serve recorded answers, some replaced by others or by functions that write to the connection themselves."""
    servers = []

    def serve(tls=None, **instead):
        given = recorded | {path.replace("_", "/"): answer for path, answer in instead.items()}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer = given[self.path.partition("?")[0].rpartition("/v4/")[2]]
                if callable(answer):
                    answer(self.wfile)
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            def handle(self):
                with contextlib.suppress(OSError):  # the client has seen enough
                    super().handle()

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a client that does not like our certificate

        server = Server(("127.0.0.1", 0), Handler)
        scheme = "http"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            scheme = "https"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"{scheme}://127.0.0.1:{server.server_port}/sgx/certification/v4/"

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def fetch(tmp_path, quote, capsys):
    """Type `caisson collateral fetch`; give exit code and what was said."""
    (tmp_path / "quote.bin").write_bytes(quote)

    def fetch(url, *options):
        output = tmp_path / "collateral.json"
        code = run(["collateral", "fetch", str(tmp_path / "quote.bin"), "--pcs", url, "-o", str(output), *options])
        return code, output, capsys.readouterr().err

    return fetch


def test_the_live_service_and_the_recorded_one_give_the_same(fetch, platform, serve):
    clock = HOUR + dt.timedelta(hours=1)
    with PcsServer(pcs_application(platform, lambda: clock), host="127.0.0.1", port=0) as live:
        for url in (f"http://127.0.0.1:{live.port}", serve()):
            code, output, err = fetch(url, "--force")
            assert code == 0, err
            assert Collateral.parse(output.read_bytes()) == Collateral.parse(platform.collateral(HOUR))


def test_a_quote_that_only_names_its_pck_is_verified_with_what_the_service_has(platform, quote, tmp_path, capsys):
    named, root = tmp_path / "named.bin", tmp_path / "root.pem"
    named.write_bytes(naming(quote))
    root.write_text(platform.provisioning.root.pem)
    with PcsServer(pcs_application(platform, lambda: NOW), host="127.0.0.1", port=0) as live:
        url = f"http://127.0.0.1:{live.port}"
        question = ["evidence", "verify", str(named), "--genuine-only", "--root", str(root)]
        assert run([*question, "--pcs", url, "--json"]) == 0, capsys.readouterr().err
        assert json.loads(capsys.readouterr().out)["genuine"]
        # The cache keeps what is about all platforms of a kind, and never one platform's certificate.
        pcs = PcsAddress(url=url, choice=TcbChoice())
        source = CollateralSource(file=None, pcs=pcs, cache=tmp_path / "cache", stale_if_error=True)
        roots = frozenset({RootKey.of(platform.provisioning.root.certificate)})
        for each in (named.read_bytes(), quote, named.read_bytes()):
            collateral = source.get(each, roots=roots, at=NOW)
            assert (collateral.pck_certificate_chain is None) == (each == quote)
            assert verify_quote(each, collateral, roots=roots, at=NOW)
        (kept,) = (tmp_path / "cache").iterdir()
        assert "pck_certificate_chain" not in kept.read_text()
    with pytest.raises(Unavailable):
        source.get(named.read_bytes(), roots=roots, at=NOW)


def test_the_subscription_key_is_read_from_a_file_that_is_not_everybodys(fetch, serve, tmp_path):
    key = tmp_path / "key"
    key.write_text("from-intel\n")
    key.chmod(0o644)
    code, _, err = fetch(serve(), "--pcs-key-file", str(key))
    assert (code, "open to everybody" in err) == (2, True)
    key.chmod(0o600)
    assert fetch(serve(), "--pcs-key-file", str(key))[0] == 0


def test_what_was_fetched_is_shown_and_verified(fetch, serve, platform, tmp_path, capsys):
    _, output, _ = fetch(serve())
    root = tmp_path / "root.pem"
    root.write_text(platform.provisioning.root.pem)
    assert run(["collateral", "verify", str(output), "--root", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fmspc"] == "ca1550000000"
    assert run(["collateral", "verify", str(output)]) == 1
    assert "none of the roots" in capsys.readouterr().err
    assert run(["collateral", "show", str(output)]) == 0
    assert capsys.readouterr().out.startswith("not verified:\n  tee ")


def test_a_certificate_of_its_own_has_to_be_pinned(fetch, serve, tmp_path):
    private, public = certificate(tmp_path, names=[x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    url = serve(private)
    code, output, err = fetch(url)
    assert code == 3
    assert "a certificate that is not trusted" in err
    assert "--pcs-ca" in err
    assert not output.exists()
    code, output, err = fetch(url, "--pcs-ca", str(public))
    assert code == 0, err
    assert output.exists()


def test_another_certificate_than_the_pinned_one_is_refused(fetch, serve, tmp_path):
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    private, _ = certificate(tmp_path, names=names)
    (tmp_path / "other").mkdir()
    _, other = certificate(tmp_path / "other", names=names)
    code, _, err = fetch(serve(private), "--pcs-ca", str(other))
    assert (code, "not trusted" in err) == (3, True)


@pytest.mark.parametrize(
    ("names", "days"),
    [([x509.DNSName("elsewhere.test")], 1), ([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))], -1)],
)
def test_a_pinned_certificate_counts_for_its_name_and_time_only(fetch, serve, tmp_path, names, days):
    private, public = certificate(tmp_path, names=names, days=days)
    code, _, err = fetch(serve(private), "--pcs-ca", str(public))
    assert (code, "not trusted" in err) == (3, True)


def test_plain_text_where_tls_is_expected_is_no_verdict(fetch, serve):
    code, _, err = fetch(serve().replace("http:", "https:"))
    assert code == 3
    assert "does not answer" in err


def cut_short(stream):
    stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n{")


def nonsense(stream):
    stream.write(b"\x15\x03\x01 what?\r\n\r\n")


def nothing(stream):
    stream.flush()


def endless(stream):
    stream.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(10000):
        stream.write(bytes(1 << 16))


def endless_header(stream):
    stream.write(b"HTTP/1.1 200 OK\r\nx: ")
    for _ in range(1000):
        stream.write(b"x" * (1 << 16))


@pytest.mark.parametrize("failure", [cut_short, nonsense, nothing, endless, endless_header])
@pytest.mark.parametrize("path", ["tcb", "rootcacrl"])
def test_a_service_that_misbehaves_is_no_verdict(fetch, serve, failure, path):
    code, output, err = fetch(serve(**{path: failure}))
    assert code == 3
    assert err.startswith("error: the provisioning service")
    assert not output.exists()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, {}, b"boom"), "status 500: it failed"),
        ((461, {}, b""), "has to be registered first"),
        ((404, {"content-type": "text/html"}, b"<html>"), "status 404"),
        ((200, {"content-type": "text/html"}, b"<html>Sign in</html>"), "a web page"),
        ((200, {}, b"<html>Sign in</html>"), "gave no `tcbInfo`"),
        ((301, {"location": "http://127.0.0.1:1/"}, b""), "sends elsewhere"),
    ],
)
def test_errors_are_said_in_words(fetch, serve, answer, words):
    code, _, err = fetch(serve(tcb=answer))
    assert (code, words in err) == (3, True), err


def test_a_service_that_is_slow_is_given_up(fetch, serve, monkeypatch):
    monkeypatch.setattr("caisson.evidence.service.web_client.__kwdefaults__", {"ca": None, "patience": 0.2})
    ending = threading.Event()
    started = time.monotonic()
    code, _, err = fetch(serve(tcb=lambda _: ending.wait(60)))
    ending.set()
    assert (code, "does not answer" in err) == (3, True)
    assert time.monotonic() - started < 30


def test_nobody_there_is_no_verdict(fetch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        code, _, err = fetch(f"http://127.0.0.1:{free.getsockname()[1]}/")
    assert (code, "does not answer" in err) == (3, True)


def test_the_doctor_trusts_a_pccs_as_the_quote_provider_is_told_to(serve, tmp_path):
    private, _ = certificate(tmp_path, names=[x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    provider = QuoteProvider(path="/etc/sgx_default_qcnl.conf", pccs_url=serve(private))
    assert "shows a certificate that is not trusted" in ask_pccs(provider).reached
    found = ask_pccs(dataclasses.replace(provider, secure=False))
    assert (found.reached, found.revocation, found.identity) == ("", "", "")
