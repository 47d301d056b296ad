from concurrent.futures import ThreadPoolExecutor

import pytest

from caisson.errors import NonceRejected, TooMany
from caisson.keyserver.challenges import Challenges
from caisson.keyserver.store import Store
from caisson.protocol import Nonce

NOW = 1_000_000


@pytest.fixture(params=["file", "memory"])
def store(request, tmp_path):
    found = Store.in_file(tmp_path / "db") if request.param == "file" else Store.in_memory()
    yield found
    found.close()


def test_a_nonce_is_good_once(store):
    challenges = Challenges(store)
    nonce, expires = challenges.issue(now=NOW)
    assert expires == NOW + 60
    challenges.consume(nonce, now=NOW + 59)
    with pytest.raises(NonceRejected, match="unknown or was used"):
        challenges.consume(nonce, now=NOW + 59)


def test_a_nonce_nobody_gave_out_is_refused(store):
    with pytest.raises(NonceRejected, match="unknown"):
        Challenges(store).consume(Nonce(bytes(32)), now=NOW)


def test_an_expired_nonce_is_refused_and_spent(store):
    challenges = Challenges(store)
    nonce, expires = challenges.issue(now=NOW)
    with pytest.raises(NonceRejected, match="expired"):
        challenges.consume(nonce, now=expires)
    with pytest.raises(NonceRejected, match="unknown"):
        challenges.consume(nonce, now=NOW)


def test_a_flood_meets_a_limit_that_time_lifts(store):
    challenges = Challenges(store, most_open=3)
    for _ in range(3):
        challenges.issue(now=NOW)
    with pytest.raises(TooMany) as caught:
        challenges.issue(now=NOW + 59)
    assert caught.value.after == 1
    challenges.issue(now=NOW + 60)


def test_of_many_at_once_exactly_one_gets_the_nonce(store):
    challenges = Challenges(store)
    nonce, _ = challenges.issue(now=NOW)

    def consume(_):
        try:
            challenges.consume(nonce, now=NOW)
        except NonceRejected:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(consume, range(64))) == 1


def test_two_servers_on_one_database_share_the_nonces(tmp_path):
    one, two = Store.in_file(tmp_path / "db"), Store.in_file(tmp_path / "db")
    nonce, _ = Challenges(one).issue(now=NOW)
    Challenges(two).consume(nonce, now=NOW)
    with pytest.raises(NonceRejected):
        Challenges(one).consume(nonce, now=NOW)
    one.close()
    two.close()
