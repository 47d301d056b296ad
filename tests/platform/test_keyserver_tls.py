"""The key server on a real socket: TLS 1.3 with its own authority, limits, and an orderly end."""

import contextlib
import signal
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from cryptography import x509

from caisson.errors import Unavailable, UsageError
from caisson.keyserver import (
    MOST_UNUSED,
    KeyServerClient,
    Secret,
    Workload,
    initialise_state,
    listen,
    memory_server,
    subject_names,
)
from caisson.keyserver.allowance import PERIOD_SECONDS
from caisson.keyserver.challenges import MOST_OPEN
from caisson.keyserver.serving import GivenTls, ServerTls
from caisson.platform import PcsServer, pcs_application
from caisson.protocol import ServerKeyHash
from tests.guest import CHALLENGE_REQUEST, Guest, Recorded, launch, make_platform, naming, policy


@dataclass
class Running:
    process: subprocess.Popen[str]
    address: str
    ca: str
    token: Secret
    said: list[str]

    @property
    def place(self):
        host, _, port = self.address.rpartition(":")
        return host, int(port)

    def client(self, **options):
        return KeyServerClient.connect(f"https://{self.address}", ca=self.ca, token=self.token, **options)

    def context(self, version=None):
        context = ssl.create_default_context(cadata=self.ca)
        if version is not None:
            context.maximum_version = version
        return context


@contextlib.contextmanager
def running(arguments, *, ca=None, token=None):
    process = subprocess.Popen(
        [sys.executable, "-m", "caisson.cli", "keyserver", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if line.startswith("ready "):
                break
        else:
            raise AssertionError(process.stderr.read())
        address = said[-1].removeprefix("ready https://").strip()
        yield Running(process, address, ca, token, said)
    finally:
        process.terminate()
        process.communicate(timeout=60)


@contextlib.contextmanager
def serving(base, *options, pcs="http://127.0.0.1:1/"):
    server, token = initialise_state(base / "state", base / "unseal.key", trust_domain="example.org")
    server.store.close()
    state = ["--state", str(base / "state"), "--unseal-key-file", str(base / "unseal.key")]
    arguments = ["serve", *state, "--listen", "127.0.0.1:0", "--pcs", pcs, *options]
    with running(arguments, ca=server.face.ca_pem, token=token) as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("keyserver")) as found:
        yield found


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """Three challenges for each client, and a load balancer at 127.0.0.8 to 127.0.0.15."""
    options = ("--per-client", "3", "--trusted-proxy", "127.0.0.8/29")
    with serving(tmp_path_factory.mktemp("keyserver"), *options) as found:
        yield found


@contextlib.contextmanager
def connected(server, source):
    transport = httpx2.HTTPTransport(verify=server.context(), local_address=source)
    with httpx2.Client(
        transport=transport, base_url=f"https://{server.address}", timeout=60, trust_env=False
    ) as client:
        yield client


def ask_for_challenges(server, source, *, times, forwarded=()):
    """Ask for challenges from an address, and give the statuses of the answers."""
    headers = [("x-forwarded-for", line) for line in forwarded]
    with connected(server, source) as client:
        answers = [client.post("/v1/challenges", content=CHALLENGE_REQUEST, headers=headers) for _ in range(times)]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status_code == 429)
    return [answer.status_code for answer in answers]


def test_operators_reach_it_under_its_own_authority(served):
    with served.client() as client:
        client.set_secret("a", Secret(b"value"))
        assert client.reveal_secret("a").reveal() == b"value"


def test_another_authority_is_not_trusted(served):
    other, _ = memory_server(trust_domain="example.org")
    with (
        KeyServerClient.connect(f"https://{served.address}", ca=other.face.ca_pem, token=served.token) as client,
        pytest.raises(Unavailable, match="does not answer"),
    ):
        client.secrets()
    other.store.close()


def test_another_name_is_not_trusted(served):
    _, port = served.place
    with (
        KeyServerClient.connect(f"https://localhost:{port}", ca=served.ca, token=served.token) as client,
        pytest.raises(Unavailable),
    ):
        client.secrets()


def test_older_tls_is_refused(served):
    context = served.context(ssl.TLSVersion.TLSv1_2)
    with socket.create_connection(served.place) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(raw, server_hostname="127.0.0.1")


def test_no_session_is_resumed(served):
    context, session = served.context(), None
    for _ in range(2):
        with (
            socket.create_connection(served.place) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as stream,
        ):
            stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert stream.recv(65536).startswith(b"HTTP/1.1 200")
            assert stream.version() == "TLSv1.3"
            assert not stream.session_reused
            session = stream.session
            assert session is None or not session.has_ticket


def test_plain_http_gets_nothing(served):
    with pytest.raises(httpx2.HTTPError):
        httpx2.get(f"http://{served.address}/healthz")


def test_one_bad_client_does_not_keep_the_others_waiting(served):
    with contextlib.ExitStack() as stack:
        for garbage in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 4096):
            raw = stack.enter_context(socket.create_connection(served.place))
            raw.sendall(garbage)
        slow = stack.enter_context(socket.create_connection(served.place))
        stream = stack.enter_context(served.context().wrap_socket(slow, server_hostname="127.0.0.1"))
        stream.sendall(b"POST /v1/activations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        start = time.monotonic()
        with served.client() as client:
            client.secrets()
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("shakes_hands", [False, True])
def test_who_opens_connections_and_says_nothing_keeps_only_itself_out_and_not_for_long(served, shakes_hands):
    source = ("127.0.0.3" if shakes_hands else "127.0.0.2", 0)
    with contextlib.ExitStack() as stack:

        def connect():
            raw = stack.enter_context(socket.create_connection(served.place, 20, source))
            tls = served.context().wrap_socket(raw, server_hostname="127.0.0.1", do_handshake_on_connect=shakes_hands)
            return stack.enter_context(tls)

        with pytest.raises((ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)):  # noqa: PT012 - at first it goes well
            silent = [connect()]
            silent.extend(connect() for _ in range(600))
            silent[-1].do_handshake()
        began = time.monotonic()
        with served.client() as client:
            client.secrets()
        assert time.monotonic() - began < 5
        with contextlib.suppress(ConnectionError):  # and no TimeoutError
            assert socket.socket.recv(silent[0], 1) == b""  # not the handshake that `ssl` would begin now
        connect().do_handshake()


def test_who_asks_for_all_challenges_there_are_keeps_only_itself_out(served):
    began = time.monotonic()
    asked = ask_for_challenges(served, "127.0.0.4", times=MOST_OPEN + 100)
    regained = (time.monotonic() - began) * MOST_UNUSED / PERIOD_SECONDS
    assert asked[:MOST_UNUSED] == [201] * MOST_UNUSED
    assert asked.count(201) <= MOST_UNUSED + regained + 1
    assert set(asked) == {201, 429}
    assert ask_for_challenges(served, "127.0.0.5", times=3) == [201] * 3


def test_nobody_is_another_client_by_saying_so(proxied):
    """Neither to a server without proxies, nor from another address than theirs."""
    asked = [ask_for_challenges(proxied, "127.0.0.4", times=1, forwarded=[f"192.0.2.{n}"]) for n in range(4)]
    assert asked == [[201], [201], [201], [429]]
    # What a client claims stands in front of what the load balancer adds, in the same line or in one of its own.
    for number, forwarded in enumerate((["{}, 198.51.100.1"], ["{}", "198.51.100.1"], ["{}, 198.51.100.1, 127.0.0.9"])):
        lines = [line.format(f"192.0.2.{number}") for line in forwarded]
        assert ask_for_challenges(proxied, "127.0.0.8", times=1, forwarded=lines) == [201]
    assert ask_for_challenges(proxied, "127.0.0.9", times=1, forwarded=["198.51.100.1:4711"]) == [429]


def test_behind_a_load_balancer_each_client_has_its_share(proxied):
    first = ask_for_challenges(proxied, "127.0.0.10", times=4, forwarded=["2001:db8::1"])
    same = ask_for_challenges(proxied, "127.0.0.10", times=1, forwarded=["2001:db8::ffff"])
    other = ask_for_challenges(proxied, "127.0.0.10", times=4, forwarded=["2001:db8:0:1::1"])
    assert (first, same, other) == ([201, 201, 201, 429], [429], [201, 201, 201, 429])


def test_a_forged_quote_makes_it_ask_nobody_for_collateral(tmp_path):
    """The quote of a made-up platform is signed as it should be, but for its root; its certificate names its kind."""
    genuine, made_up = (make_platform(time.time()) for _ in range(2))
    with contextlib.ExitStack() as stack:
        pcs = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        pcs.settimeout(0)
        server = stack.enter_context(serving(tmp_path, pcs=f"http://127.0.0.1:{pcs.getsockname()[1]}/"))
        with server.client() as operator:
            accepted = policy(genuine, launch(genuine), ServerKeyHash.of(operator.identity()))
            operator.set_workload(Workload.parse({"name": "redis", "policy": accepted}))
        client = stack.enter_context(connected(server, "127.0.0.1"))

        def activate(platform):
            challenge = client.post("/v1/challenges", content=CHALLENGE_REQUEST)
            evidence = Guest(platform=platform, enclave=launch(platform)).prove(challenge.content)
            return client.post("/v1/activations", content=evidence.encode())

        for _ in range(3):
            assert activate(made_up).status_code == 403
        with pytest.raises(BlockingIOError):
            pcs.accept()
        with ThreadPoolExecutor() as pool:
            pcs.settimeout(20)
            asked = pool.submit(pcs.accept)
            honest = pool.submit(activate, genuine)
            asked.result()[0].close()
            assert honest.result().status_code == 503


def test_strangers_make_it_ask_for_so_many_certificates_of_pcks_and_keep_nobody_out(tmp_path):
    """Quotes that only name their PCK, from a live service: made up by one address, and honest from another."""
    genuine, made_up = (make_platform(time.time()) for _ in range(2))
    service = Recorded(pcs_application(genuine, lambda: datetime.now(UTC)))
    with contextlib.ExitStack() as stack:
        pcs = stack.enter_context(PcsServer(service, host="127.0.0.1", port=0))
        options = ("--pcks-per-minute", "8")
        server = stack.enter_context(serving(tmp_path, *options, pcs=f"http://127.0.0.1:{pcs.port}/"))
        with server.client() as operator:
            accepted = policy(genuine, launch(genuine), ServerKeyHash.of(operator.identity()))
            operator.set_workload(Workload.parse({"name": "redis", "policy": accepted}))
        attacker, honest = (stack.enter_context(connected(server, f"127.0.0.{host}")) for host in (2, 3))

        def activate(client, platform, **name):
            challenge = client.post("/v1/challenges", content=CHALLENGE_REQUEST)
            evidence = Guest(platform=platform, enclave=launch(platform)).prove(challenge.content)
            evidence = replace(evidence, quote=naming(evidence.quote, **name))
            return client.post("/v1/activations", content=evidence.encode())

        answers = [activate(attacker, made_up, ppid=number.to_bytes(384, "big")) for number in range(6)]
        # A made-up quoting enclave is nobody the service knows: no verdict, until there are no more questions.
        assert [answer.status_code for answer in answers] == [503] * 2 + [429] * 4
        assert 0 < int(answers[-1].headers["retry-after"]) <= 60
        assert service.asked == ["pckcert"] * 2
        for _ in range(2):
            assert activate(honest, genuine).status_code == 200
        assert service.asked == ["pckcert"] * 3 + ["pckcrl", "tcb", "identity", "rootcacrl"]


def test_a_lying_content_length_is_refused_before_the_body(served):
    with (
        socket.create_connection(served.place) as raw,
        served.context().wrap_socket(raw, server_hostname="127.0.0.1") as stream,
    ):
        stream.sendall(b"POST /v1/activations HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n")
        assert stream.recv(65536).startswith(b"HTTP/1.1 413")


def test_neither_its_process_arguments_nor_its_environment_hold_a_secret(served):
    with served.client() as client:
        client.set_secret("b", Secret(b"canary-proc"))
    secrets = (b"canary-proc", served.token.reveal())
    for name in ("cmdline", "environ"):
        content = Path(f"/proc/{served.process.pid}/{name}").read_bytes()
        assert not [secret for secret in secrets if secret in content]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path, kind):
    server, _ = initialise_state(tmp_path / "state", tmp_path / "unseal.key", trust_domain="example.org")
    server.store.close()
    state = ["--state", str(tmp_path / "state"), "--unseal-key-file", str(tmp_path / "unseal.key")]
    with running(["serve", *state, "--listen", "127.0.0.1:0", "--pcs", "http://127.0.0.1:1/"]) as found:
        found.process.send_signal(kind)
        _, err = found.process.communicate(timeout=60)
        assert found.process.returncode == 0
        assert "stopped" in err
        assert "Traceback" not in err
    assert {file.name for file in (tmp_path / "state").iterdir()} == {"keyserver.sqlite"}


def test_a_development_server_is_loud_and_leaves_nothing(tmp_path):
    ca, token = tmp_path / "ca.pem", tmp_path / "token"
    files = ["--ca-file", str(ca), "--token-file", str(token)]
    with running(["dev", "--listen", "127.0.0.1:0", "--pcs", "http://127.0.0.1:1/", *files]) as found:
        found.ca, found.token = ca.read_text(), Secret(token.read_bytes().strip())
        response = httpx2.get(f"https://{found.address}/healthz", verify=found.context())
        assert "caisson-insecure-dev" in response.headers
        with found.client() as client:
            client.set_secret("a", Secret(b"canary-dev"))
        found.process.terminate()
        _, err = found.process.communicate(timeout=60)
        assert "development key server" in err
        assert found.token.reveal().decode() not in err + "".join(found.said)
    assert {file.name for file in tmp_path.iterdir()} == {"ca.pem", "token"}
    assert token.stat().st_mode & 0o777 == 0o600


def test_a_renewed_certificate_is_what_new_connections_see():
    server, _ = memory_server(trust_domain="example.org")
    tls = ServerTls(server, subject_names(("127.0.0.1", "keys.example.org")))

    def serial():
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        peer = ssl.create_default_context(cadata=server.face.ca_pem).wrap_bio(
            incoming, outgoing, server_hostname="keys.example.org"
        )
        there = tls.context.wrap_bio(outgoing, incoming, server_side=True)
        for _ in range(4):
            for side in (peer, there):
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
        return x509.load_der_x509_certificate(peer.getpeercert(binary_form=True)).serial_number

    first = serial()
    assert serial() == first
    tls.renew()
    assert serial() != first
    server.store.close()


def test_files_that_are_no_certificate_and_its_key_are_refused(tmp_path):
    for name in ("certificate.pem", "key.pem"):
        (tmp_path / name).write_text("nothing")
    with pytest.raises(UsageError, match="no certificate and its key"):
        GivenTls(tmp_path / "certificate.pem", tmp_path / "key.pem")


@pytest.mark.parametrize("port", ["", "x", "-1", "70000", "1e3", "\u0663"])
def test_an_address_is_host_and_port(port):
    for address in (f"127.0.0.1:{port}", port, f":{port}"):
        with pytest.raises(UsageError):
            listen(address)


def test_an_address_of_another_machine_is_unavailable():
    with pytest.raises(Unavailable):
        listen("192.0.2.1:0")


def test_a_port_that_is_taken_is_unavailable():
    with listen("127.0.0.1:0") as first, pytest.raises(Unavailable, match="in use"):
        listen(f"127.0.0.1:{first.getsockname()[1]}")


def test_no_packet_of_an_answer_waits_for_an_acknowledgement():
    with (
        listen("127.0.0.1:0") as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as served,
    ):
        assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_name_for_the_certificate_is_an_address_or_a_dns_name():
    names = subject_names(("127.0.0.1", "::1", "keys.example.org"))
    assert ([str(ip) for ip in names.ip], names.dns) == (["127.0.0.1", "::1"], ("keys.example.org",))
    with pytest.raises(UsageError):
        subject_names(("*.example.org",))
