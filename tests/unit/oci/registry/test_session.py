"""How a registry lets us in, how long we wait for it, and whom we follow."""

import base64
import json
from dataclasses import replace

import httpx2
import pytest

from caisson.errors import CaissonError, ImageRejected, TooMany, Unavailable, UsageError
from caisson.oci import Access, Allowance, RegistryName
from caisson.oci.registry.session import Request, Session, complaint
from tests.registry import HOST, IMPATIENT

NAME = RegistryName.parse(f"{HOST}/some/app")
SCOPES = ("repository:some/app:pull",)
PULL = Request(method="GET", url="some/app/tags/list", scopes=SCOPES)
BASIC = "Basic " + base64.b64encode(b"ada:s3cret").decode()


class World(httpx2.BaseTransport):
    """A registry that wants tokens, its token service, and a storage that it redirects to."""

    def __init__(self):
        self.challenge = 'Bearer realm="https://auth.test/token",service="registry"'
        self.lifetime = 300
        self.valid = "token-1"
        self.issued = 0
        self.seen = []
        self.answers = []

    def handle_request(self, request):
        self.seen.append(request)
        if request.url.host == "auth.test":
            if self.answers:
                return stream(self.answers.pop(0))
            self.issued += 1
            return stream(httpx2.Response(200, json={"token": f"token-{self.issued}", "expires_in": self.lifetime}))
        if request.url.host == "storage.test":
            return stream(httpx2.Response(200, content=b"from the storage"))
        if self.challenge and request.headers.get("Authorization") not in {f"Bearer {self.valid}", BASIC}:
            return stream(httpx2.Response(401, headers={"WWW-Authenticate": self.challenge}))
        return stream(self.answers.pop(0) if self.answers else httpx2.Response(200, content=b"in"))

    def to(self, host):
        return [each for each in self.seen if each.url.host == host]


def stream(answer):
    return httpx2.Response(answer.status_code, headers=answer.headers, stream=httpx2.ByteStream(answer.content))


@pytest.fixture
def world():
    return World()


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def access(world, clock):
    return Access(transport=world, retry=IMPATIENT, clock=lambda: clock[0])


@pytest.fixture
def login(tmp_path, access):
    """Give access with credentials."""

    def login(**entry):
        path = tmp_path / "auth.json"
        path.write_text(json.dumps({"auths": {HOST: entry or {"username": "ada", "password": "s3cret"}}}))
        return replace(access, auth_file=path)

    return login


def test_a_token_is_fetched_once_for_the_scopes_that_are_needed(world, access):
    with Session(NAME, access) as session:
        assert session.fetch(PULL)[1] == b"in"
        assert session.fetch(PULL)[1] == b"in"
        (asked,) = world.to("auth.test")
        assert dict(asked.url.params) == {"service": "registry", "scope": SCOPES[0]}
        assert "Authorization" not in asked.headers
        world.valid = "token-2"
        session.fetch(replace(PULL, scopes=("repository:some/app:pull,push",)))
    assert len(world.to("auth.test")) == 2


def test_a_token_is_renewed_before_it_expires(world, access, clock):
    with Session(NAME, access) as session:
        session.fetch(PULL)
        clock[0], world.valid = 250.0, "token-2"
        session.fetch(PULL)
        sent = [each.headers.get("Authorization") for each in world.to(HOST)]
    assert sent == [None, "Bearer token-1", None, "Bearer token-2"]


def test_a_token_that_is_refused_is_replaced_once(world, access):
    with Session(NAME, access) as session:
        session.fetch(PULL)
        world.valid = "token-2"
        assert session.fetch(PULL)[0].status_code == 200
        world.valid = "another"
        assert session.fetch(PULL)[0].status_code == 401
    assert world.issued == 3


def test_the_token_service_gets_the_password_and_the_registry_does_not(world, login):
    with Session(NAME, login()) as session:
        session.fetch(PULL)
    (asked,) = world.to("auth.test")
    assert asked.headers["Authorization"] == BASIC
    assert asked.url.params["account"] == "ada"
    assert all(each.headers.get("Authorization") in {None, "Bearer token-1"} for each in world.to(HOST))


def test_an_identity_token_is_exchanged(world, login):
    with Session(NAME, login(identitytoken="long-lived")) as session:
        session.fetch(PULL)
    (asked,) = world.to("auth.test")
    form = dict(httpx2.QueryParams(asked.read().decode()))
    assert (asked.method, form["grant_type"], form["refresh_token"]) == ("POST", "refresh_token", "long-lived")
    assert (form["service"], form["scope"]) == ("registry", SCOPES[0])


def test_a_registrys_own_token_is_sent_as_it_is(world, login):
    world.valid = "own"
    with Session(NAME, login(registrytoken="own")) as session:
        assert session.fetch(PULL)[0].status_code == 200
    assert not world.to("auth.test")


def test_a_password_is_sent_only_when_it_is_asked_for(world, login):
    world.challenge = 'Basic realm="Registry"'
    with Session(NAME, login()) as session:
        session.fetch(PULL)
        session.fetch(PULL)
    assert [each.headers.get("Authorization") for each in world.to(HOST)] == [None, BASIC, BASIC]


def test_who_has_no_credentials_is_told_how_to_get_some(world, access):
    world.challenge = 'Basic realm="Registry"'
    with Session(NAME, access) as session:
        answer, body = session.fetch(PULL)
        failure = session.failure(answer, "look around", body)
    assert isinstance(failure, Unavailable)
    assert failure.hint == f"log in with `docker login {HOST}`"


@pytest.mark.parametrize(
    "realm", ["http://auth.test/token", "ftp://auth.test", "", "//", "https://[", "file:///etc/passwd"]
)
def test_a_token_service_is_reached_by_https_only(world, login, realm):
    world.challenge = f'Bearer realm="{realm}"'
    with Session(NAME, login()) as session, pytest.raises(Unavailable, match="token service"):
        session.fetch(PULL)
    assert not world.to("auth.test")


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(401),
        httpx2.Response(200, content=b"[]"),
        httpx2.Response(200, content=b"no"),
        httpx2.Response(200, json={"token": 1}),
        httpx2.Response(200, json={"token": "a\r\nX-Evil: 1"}),
        httpx2.Response(200, json={}),
    ],
    ids=["refused", "list", "text", "number", "header", "empty"],
)
def test_a_token_service_that_gives_no_token_is_no_way_in(world, access, answer):
    world.answers = [answer]
    with Session(NAME, access) as session, pytest.raises(Unavailable, match="token service"):
        session.fetch(PULL)


def test_a_token_service_that_is_busy_is_asked_again(world, access):
    world.answers = [httpx2.Response(503), httpx2.Response(429)]
    with Session(NAME, access) as session:
        assert session.fetch(PULL)[1] == b"in"


def test_a_redirect_elsewhere_gets_no_credentials(world, login):
    world.answers = [httpx2.Response(307, headers={"Location": "https://storage.test/blob"})]
    world.challenge = 'Basic realm="Registry"'
    with Session(NAME, login()) as session:
        assert session.fetch(PULL)[1] == b"from the storage"
    (asked,) = world.to("storage.test")
    assert "Authorization" not in asked.headers


@pytest.mark.parametrize("location", [f"https://{HOST}:444/x", f"https://{HOST}.evil.test/x", "https://storage.test/x"])
def test_another_port_or_host_is_not_the_registry(world, login, location):
    world.answers = [httpx2.Response(307, headers={"Location": location})]
    world.challenge = 'Basic realm="Registry"'
    with Session(NAME, login()) as session:
        session.fetch(PULL)
    assert all(
        "Authorization" not in each.headers for each in world.seen if (each.url.host, each.url.port) != (HOST, None)
    )


def test_a_401_from_elsewhere_asks_nobody_for_credentials(login):
    class Storage(World):
        def handle_request(self, request):
            if request.url.host == "storage.test":
                self.seen.append(request)
                return stream(httpx2.Response(401, headers={"WWW-Authenticate": "Basic"}))
            return super().handle_request(request)

    storage = Storage()
    storage.challenge = ""
    storage.answers = [httpx2.Response(307, headers={"Location": "https://storage.test/blob"})]
    with Session(NAME, replace(login(), transport=storage)) as session:
        assert session.fetch(PULL)[0].status_code == 401
    assert len(storage.seen) == 2


@pytest.mark.parametrize("challenge", ["Basic", 'Bearer realm="https://evil.test/token"'])
def test_a_storage_that_takes_an_upload_asks_nobody_for_credentials(login, challenge):
    class Storage(World):
        def handle_request(self, request):
            self.seen.append(request)
            return stream(httpx2.Response(401, headers={"WWW-Authenticate": challenge}))

    storage = Storage()
    place = Request(method="PATCH", url="https://storage.test/upload", scopes=SCOPES)
    with Session(NAME, replace(login(), transport=storage)) as session:
        assert session.once(place).status_code == 401
    (asked,) = storage.seen
    assert "Authorization" not in asked.headers


@pytest.mark.parametrize("location", ["http://storage.test/x", f"http://{HOST}/x"])
def test_an_upload_does_not_go_out_of_encryption(access, location):
    with Session(NAME, access) as session:
        answer, _ = session.fetch(PULL)
        with pytest.raises(Unavailable, match="from HTTPS"):
            session.named(answer, location)


def test_a_redirect_inside_the_registry_keeps_credentials(world, login):
    world.answers = [httpx2.Response(301, headers={"Location": "/v2/elsewhere"})]
    world.challenge = 'Basic realm="Registry"'
    with Session(NAME, login()) as session:
        assert session.fetch(PULL)[1] == b"in"
    assert world.seen[-1].url.path == "/v2/elsewhere"
    assert world.seen[-1].headers["Authorization"] == BASIC


@pytest.mark.parametrize("location", ["http://storage.test/x", f"http://{HOST}/x", "ftp://x", "file:///etc/passwd"])
def test_a_redirect_out_of_encryption_is_not_followed(world, access, location):
    world.challenge = ""
    world.answers = [httpx2.Response(307, headers={"Location": location})]
    with Session(NAME, access) as session, pytest.raises(Unavailable, match="redirects"):
        session.fetch(PULL)
    assert len(world.seen) == 1


def test_redirects_come_to_an_end(world, access):
    world.challenge = ""
    world.answers = [httpx2.Response(302, headers={"Location": "/v2/again"})] * 20
    with Session(NAME, access) as session, pytest.raises(Unavailable, match="without end"):
        session.fetch(PULL)
    assert len(world.seen) < 10


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_registry_that_is_busy_is_asked_again(world, access, status):
    world.challenge = ""
    world.answers = [httpx2.Response(status), httpx2.Response(status)]
    with Session(NAME, access) as session:
        assert session.fetch(PULL)[1] == b"in"


@pytest.mark.parametrize(("status", "error"), [(429, TooMany), (503, Unavailable)])
def test_a_registry_that_stays_busy_gives_no_verdict(world, access, status, error):
    world.challenge = ""
    world.answers = [httpx2.Response(status)] * 20
    with Session(NAME, access) as session, pytest.raises(error):
        session.fetch(PULL)
    assert len(world.seen) == IMPATIENT.attempts


def test_a_connection_that_breaks_is_made_again(access):
    class Flaky(World):
        def handle_request(self, request):
            if len(self.seen) < 2:
                self.seen.append(request)
                raise httpx2.ReadError("broken")
            return super().handle_request(request)

    flaky = Flaky()
    flaky.challenge = ""
    with Session(NAME, replace(access, transport=flaky)) as session:
        assert session.fetch(PULL)[1] == b"in"


def test_what_does_not_answer_gives_no_verdict(access):
    class Dead(httpx2.BaseTransport):
        asked = 0

        def handle_request(self, _):
            self.asked += 1
            raise httpx2.ConnectError("nobody is there")

    dead = Dead()
    with Session(NAME, replace(access, transport=dead)) as session, pytest.raises(Unavailable, match="nobody is"):
        session.fetch(PULL)
    assert dead.asked == 1


def test_a_document_without_end_is_not_read_to_the_end(world, access):
    world.challenge = ""
    world.answers = [httpx2.Response(200, content=bytes(5 << 20))]
    with Session(NAME, access) as session, pytest.raises(Unavailable, match="more than"):
        session.fetch(PULL)


@pytest.mark.parametrize(
    ("status", "error"), [(401, Unavailable), (403, Unavailable), (404, UsageError), (429, TooMany), (418, Unavailable)]
)
def test_an_answer_that_is_a_failure_says_what_the_registry_says(access, status, error):
    body = json.dumps({"errors": [{"code": "DENIED", "message": "not \x1b[31myou"}]}).encode()
    with Session(NAME, access) as session:
        failure = session.failure(httpx2.Response(status), "do this", body)
    assert isinstance(failure, error)
    assert "DENIED not [31myou" in failure.message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"errors":[]}', b'{"errors":1}', b'{"errors":[1]}', b"[" * 9999])
def test_what_is_no_complaint_is_not_repeated(body):
    assert complaint(body) == ""


def test_every_failure_is_one_of_ours(world, access):
    world.challenge = "Bearer"
    with Session(NAME, access) as session, pytest.raises(CaissonError):
        session.fetch(PULL)


class Drops(httpx2.SyncByteStream):
    """A body without an end, a byte at a time, each of which takes a second."""

    def __init__(self, clock, piece=b" "):
        self.clock, self.piece, self.given = clock, piece, 0

    def __iter__(self):
        while True:
            self.clock[0] += 1
            self.given += len(self.piece)
            yield self.piece


def slow(access, clock, seconds, size=1 << 30):
    allowance = Allowance(size, what="has", seconds=seconds, clock=lambda: clock[0])
    return replace(access, allowance=allowance)


def test_a_registry_that_answers_byte_by_byte_is_not_waited_for_without_end(world, access, clock):
    world.challenge, drops = "", Drops(clock)
    world.handle_request = lambda _request: httpx2.Response(200, stream=drops)
    with (
        Session(NAME, slow(access, clock, 60)) as session,
        pytest.raises(Unavailable, match="image takes longer than 60 seconds to read"),
    ):
        session.fetch(PULL)
    assert drops.given == 61


def test_nor_is_its_token_service(world, access, clock):
    drops, handle = Drops(clock), world.handle_request
    world.handle_request = lambda request: (
        httpx2.Response(200, stream=drops) if request.url.host == "auth.test" else handle(request)
    )
    with (
        Session(NAME, slow(access, clock, 60)) as session,
        pytest.raises(Unavailable, match="image takes longer than 60 seconds to read"),
    ):
        session.fetch(PULL)


def test_a_token_service_that_never_ends_does_not_fill_the_memory(world, access, clock):
    drops, handle = Drops(clock, b" " * 65536), world.handle_request
    world.handle_request = lambda request: (
        httpx2.Response(200, stream=drops) if request.url.host == "auth.test" else handle(request)
    )
    with (
        Session(NAME, access) as session,
        pytest.raises(Unavailable, match=r"`auth\.test` answers with more than 4194304"),
    ):
        session.fetch(PULL)
    assert drops.given == 4194304 + 65536


def test_an_answer_of_a_token_service_that_is_too_deep_is_none(world, access):
    world.answers = [httpx2.Response(200, content=b"[" * 500_000)]
    with Session(NAME, access) as session, pytest.raises(Unavailable, match="answers in no known form"):
        session.fetch(PULL)


def test_a_registry_that_is_busy_for_ever_is_not_asked_when_the_time_is_over(world, access, clock):
    world.challenge = ""

    def busy(_request):
        clock[0] += 40
        return stream(httpx2.Response(503))

    world.handle_request = busy
    with Session(NAME, slow(access, clock, 60)) as session, pytest.raises(Unavailable, match="longer than 60 seconds"):
        session.fetch(PULL)
    assert clock[0] == 80


def test_all_that_is_received_is_counted(world, access, clock):
    world.challenge = ""
    with Session(NAME, slow(access, clock, 60, size=5)) as session:
        assert session.fetch(PULL)[1] == b"in"
        assert session.fetch(PULL)[1] == b"in"
        with pytest.raises(ImageRejected, match="image has more than 5 bytes"):
            session.fetch(PULL)
