"""Blobs on their way, and everything that goes wrong on it."""

import json
from dataclasses import replace
from hashlib import sha256

import httpx2
import pytest

from caisson.errors import ImageRejected, Unavailable
from caisson.oci import Descriptor, Digest, MediaType, RegistryName
from caisson.oci.registry import Repository
from tests.registry import HOST, CutStream

CONTENT = b"".join(sha256(bytes([number])).digest() for number in range(250))
BLOB = Descriptor(media_type=MediaType.LAYER_GZIP, digest=Digest.of(CONTENT), size=len(CONTENT))
KEY = ("some/app", str(BLOB.digest))
WHERE = r"/blobs/sha256:"
UPLOAD = r"/uploads/[0-9]+$"


def content():
    return iter((CONTENT[:3000], CONTENT[3000:]))


@pytest.fixture
def scratch(tmp_path):
    path = tmp_path / "scratch"
    path.mkdir()
    return path


class Bars:
    """Notes what is reported."""

    def __init__(self):
        self.begun, self.bytes, self.outcomes = [], 0, []

    def begin(self, what, size):
        self.begun.append((what, size))
        return self

    def advance(self, count):
        self.bytes += count

    def end(self, outcome):
        self.outcomes.append(outcome)


@pytest.fixture
def bars():
    return Bars()


@pytest.fixture
def access(access, bars):
    return replace(access, progress=bars)


@pytest.fixture
def held(registry):
    registry.blobs[KEY] = CONTENT
    return registry


def cut(after, status=200, **headers):
    return httpx2.Response(status, headers=headers, stream=CutStream(CONTENT, after))


@pytest.mark.usefixtures("held")
def test_a_blob_is_fetched(repository, scratch, bars):
    assert repository.blob(BLOB, scratch).read() == CONTENT
    assert (bars.begun, bars.bytes, bars.outcomes) == ([(str(BLOB.digest), len(CONTENT))], len(CONTENT), ["done"])


def test_an_empty_blob_is_fetched(registry, repository, scratch):
    empty = replace(BLOB, digest=Digest.of(b""), size=0)
    registry.blobs["some/app", str(empty.digest)] = b""
    assert repository.blob(empty, scratch).read() == b""


def test_a_download_that_breaks_off_goes_on_where_it_broke(held, repository, scratch, pauses, bars):
    held.strike("GET", WHERE, cut(5000))
    assert repository.blob(BLOB, scratch).read() == CONTENT
    assert [each.headers.get("Range") for each in held.seen if each.method == "GET"] == [None, "bytes=5000-"]
    assert len(pauses) == 1
    assert bars.bytes == len(CONTENT)


def test_a_registry_without_ranges_gives_the_blob_from_the_start_again(held, repository, scratch):
    held.strike("GET", WHERE, cut(5000))
    held.strike("GET", WHERE, lambda _: httpx2.Response(200, content=CONTENT))
    assert repository.blob(BLOB, scratch).read() == CONTENT


def test_a_download_that_breaks_off_again_and_again_is_given_up(held, repository, scratch, bars):
    for _ in range(20):
        held.strike("GET", WHERE, lambda _: cut(0))
    with pytest.raises(Unavailable, match="broke"):
        repository.blob(BLOB, scratch)
    assert held.count("GET") < 20
    assert list(scratch.iterdir()) == []
    assert bars.outcomes == ["failed"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (CONTENT[:-1], "bytes; its"),
        (CONTENT + b"x", "larger"),
        (CONTENT[:-1] + b"\xff", "digest"),
        (b"", "bytes; its"),
    ],
    ids=["short", "long", "flipped", "empty"],
)
def test_a_blob_that_is_another_is_refused_and_leaves_nothing(registry, repository, scratch, wrong, message, bars):
    registry.blobs[KEY] = wrong
    with pytest.raises(ImageRejected, match=message):
        repository.blob(BLOB, scratch)
    assert list(scratch.iterdir()) == []
    assert bars.outcomes == ["failed"]


@pytest.mark.parametrize(
    "range_", ["bytes 4000-7999/8000", "bytes 6000-7999/8000", "", "items 5000-7999/8000", "bytes x"]
)
def test_another_part_of_a_blob_than_was_asked_for_does_not_pass(held, repository, scratch, range_):
    """An earlier start could be skipped to; what must never happen is that other bytes are taken."""
    held.strike("GET", WHERE, cut(5000))
    held.strike("GET", WHERE, lambda _: httpx2.Response(206, headers={"Content-Range": range_}, content=b"x" * 4000))
    with pytest.raises(ImageRejected):
        repository.blob(BLOB, scratch)
    assert list(scratch.iterdir()) == []


def test_a_blob_that_is_not_there_is_refused(repository, scratch):
    with pytest.raises(ImageRejected, match="lacks"):
        repository.blob(BLOB, scratch)
    assert list(scratch.iterdir()) == []


def test_a_busy_registry_is_asked_again_when_it_says(held, repository, scratch, pauses):
    held.strike("GET", WHERE, lambda _: httpx2.Response(429, headers={"Retry-After": "3"}))
    assert repository.blob(BLOB, scratch).read() == CONTENT
    assert pauses == [3]


FOREIGN = replace(
    BLOB, media_type=MediaType.FOREIGN_LAYER_GZIP, other={"urls": ["http://x.test/", "https://else.test/b"]}
)


def test_a_foreign_layer_is_fetched_from_where_it_is(registry, repository, scratch):
    registry.strike("GET", r"^/b$", lambda _: httpx2.Response(200, content=CONTENT))
    assert repository.blob(FOREIGN, scratch).read() == CONTENT
    assert {each.url.host for each in registry.seen} == {HOST, "else.test"}


def test_a_foreign_layer_is_taken_from_the_registry_that_has_it(held, repository, scratch):
    assert repository.blob(FOREIGN, scratch).read() == CONTENT
    assert {each.url.host for each in held.seen} == {HOST}


def test_a_foreign_layer_must_be_the_one_too(registry, repository, scratch):
    registry.strike("GET", r"^/b$", lambda _: httpx2.Response(200, content=CONTENT[:-1] + b"\xff"))
    with pytest.raises(ImageRejected, match="digest"):
        repository.blob(FOREIGN, scratch)


def test_only_foreign_layers_are_fetched_from_elsewhere(registry, repository, scratch):
    with pytest.raises(ImageRejected, match="lacks"):
        repository.blob(replace(FOREIGN, media_type=MediaType.LAYER_GZIP), scratch)
    assert {each.url.host for each in registry.seen} == {HOST}


def test_a_blob_is_uploaded_in_pieces(registry, repository, bars):
    repository.put_blob(BLOB, content)
    assert registry.blobs[KEY] == CONTENT
    assert registry.count("PATCH") == 8
    assert (bars.bytes, bars.outcomes) == (len(CONTENT), ["done"])


def test_an_empty_blob_is_uploaded(registry, repository):
    empty = replace(BLOB, digest=Digest.of(b""), size=0)
    repository.put_blob(empty, lambda: iter(()))
    assert registry.blobs["some/app", str(empty.digest)] == b""


def test_a_blob_that_is_there_is_not_uploaded(held, repository, bars):
    repository.put_blob(BLOB, content)
    assert held.count("POST") == 0
    assert bars.outcomes == ["exists"]


def test_a_blob_of_another_repository_is_mounted(registry, repository, bars):
    registry.blobs["other", str(BLOB.digest)] = CONTENT
    repository.put_blob(BLOB, content, mount_from="other")
    assert registry.blobs[KEY] == CONTENT
    assert registry.count("PATCH") == 0
    assert bars.outcomes == ["mounted"]


def test_a_blob_that_cannot_be_mounted_is_uploaded(registry, repository):
    repository.put_blob(BLOB, content, mount_from="other")
    assert registry.blobs[KEY] == CONTENT


def test_a_registry_that_refuses_to_mount_gets_an_upload(registry, repository):
    registry.strike("POST", "uploads", httpx2.Response(405))
    repository.put_blob(BLOB, content, mount_from="other")
    assert registry.blobs[KEY] == CONTENT


def test_an_upload_that_breaks_off_goes_on_where_it_broke(registry, repository, bars):
    def half(request):
        number = request.url.path.rpartition("/")[2]
        if registry.uploads[number]:
            registry.uploads[number] += request.read()[:500]
            return httpx2.WriteError("broken")
        return None

    registry.strike("PATCH", UPLOAD, half)
    repository.put_blob(BLOB, content)
    assert registry.blobs[KEY] == CONTENT
    starts = [each.headers["Content-Range"] for each in registry.seen if each.method == "PATCH"]
    assert starts[:3] == ["0-999", "1000-1999", "1500-2499"]
    assert registry.count("POST") == 1
    assert bars.bytes == len(CONTENT)


@pytest.mark.parametrize("status", [400, 404, 416, 429, 500, 503])
def test_an_upload_that_is_refused_for_now_goes_on(registry, repository, status):
    registry.strike("PATCH", UPLOAD, httpx2.Response(status))
    repository.put_blob(BLOB, content)
    assert registry.blobs[KEY] == CONTENT


def test_an_upload_that_the_registry_forgot_begins_anew(registry, repository):
    def forget(_):
        registry.uploads.clear()
        return httpx2.Response(404)

    registry.strike("PATCH", UPLOAD, forget)
    repository.put_blob(BLOB, content)
    assert registry.blobs[KEY] == CONTENT
    assert registry.count("POST") == 2


@pytest.mark.parametrize("effect", [httpx2.ReadError("broken"), httpx2.Response(502)], ids=["broken", "busy"])
def test_an_upload_whose_end_is_lost_is_ended_again(registry, repository, effect):
    registry.strike("PUT", UPLOAD, effect)
    repository.put_blob(BLOB, content)
    assert registry.blobs[KEY] == CONTENT


def test_an_upload_that_ended_unheard_is_found_to_be_complete(registry, repository):
    def unheard(request):
        registry._upload(request, "some/app", request.url.path.rpartition("/")[2])
        return httpx2.ReadError("broken")

    registry.strike("PUT", UPLOAD, unheard)
    repository.put_blob(BLOB, content)
    assert registry.blobs[KEY] == CONTENT
    assert registry.count("POST") == 1


def test_an_upload_that_never_succeeds_is_given_up(registry, repository, bars):
    for _ in range(50):
        registry.strike("PATCH", UPLOAD, httpx2.Response(500))
    with pytest.raises(Unavailable):
        repository.put_blob(BLOB, content)
    assert registry.count("PATCH") < 20
    assert bars.outcomes == ["failed"]
    assert KEY not in registry.blobs


def test_a_registry_that_finds_another_digest_each_time_is_given_up(registry, repository):
    for _ in range(50):
        registry.strike("PUT", UPLOAD, httpx2.Response(400))
    with pytest.raises(Unavailable):
        repository.put_blob(BLOB, content)
    assert registry.count("POST") < 20


def test_a_refusal_is_final(registry, repository):
    registry.strike("PATCH", UPLOAD, httpx2.Response(403))
    with pytest.raises(Unavailable, match="does not let us"):
        repository.put_blob(BLOB, content)
    assert registry.count("PATCH") == 1


def test_what_changes_while_it_is_uploaded_is_not_stored(registry, repository):
    with pytest.raises(ImageRejected):
        repository.put_blob(BLOB, lambda: iter((CONTENT[:-1] + b"\xff",)))
    assert registry.blobs == {}


def test_a_registry_may_ask_for_larger_pieces(registry, repository):
    def start(request):
        answer = registry._start(request, "some/app")
        answer.headers["OCI-Chunk-Min-Length"] = "3000"
        return answer

    registry.strike("POST", "uploads", start)
    repository.put_blob(BLOB, content)
    assert registry.count("PATCH") == 3


def test_an_upload_may_go_elsewhere_and_takes_no_credentials_there(registry, access, tmp_path):
    auth = tmp_path / "auth.json"
    auth.write_text(json.dumps({"auths": {HOST: {"registrytoken": "own"}}}))

    def elsewhere(request):
        answer = registry._start(request, "some/app")
        answer.headers["Location"] = "https://storage.test" + answer.headers["Location"]
        return answer

    registry.strike("POST", "uploads", elsewhere)
    name = RegistryName.parse(f"{HOST}/some/app")
    with Repository.open(name, replace(access, auth_file=auth), writing=True) as repository:
        repository.put_blob(BLOB, content)
    assert registry.blobs[KEY] == CONTENT
    sent = {(each.url.host, each.headers.get("Authorization")) for each in registry.seen}
    assert sent == {(HOST, "Bearer own"), ("storage.test", None)}


def test_an_upload_to_nowhere_is_not_begun(registry, repository):
    registry.strike("POST", "uploads", httpx2.Response(202))
    with pytest.raises(Unavailable):
        repository.put_blob(BLOB, content)
