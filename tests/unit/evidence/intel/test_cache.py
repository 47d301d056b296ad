"""Collateral on disk: fresh, or fetched, or nothing; and never what nobody has checked."""

import json
import os
from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caisson.errors import Expired, Malformed, Unavailable, UntrustedRoot, UsageError
from caisson.evidence import Collateral, CollateralCache, check_collateral
from tests.unit.evidence.conftest import NOW

KEY = "http://pcs.test sgx ca1550000000 processor"
HOUR = timedelta(hours=1)


@pytest.fixture
def collateral(scene):
    return Collateral.parse(scene.collateral)


@pytest.fixture
def cache(tmp_path):
    return CollateralCache(
        directory=tmp_path / "home" / "cache", most_age=24 * HOUR, early=72 * HOUR, stale_if_error=False
    )


class Service:
    """Counts how often it is asked, and may be down."""

    def __init__(self, collateral):
        self.collateral = collateral
        self.asked = 0
        self.down = False

    def __call__(self):
        self.asked += 1
        if self.down:
            raise Unavailable("down")
        return self.collateral


@pytest.fixture
def service(collateral):
    return Service(collateral)


@pytest.fixture
def get(cache, service):
    def get(at=NOW, *, key=KEY, check=lambda _: None, **changes):
        return replace(cache, **changes).get(key, service, check=check, at=at)

    return get


def test_what_was_fetched_is_kept_for_a_while(get, service, collateral):
    for at in (NOW, NOW + HOUR, NOW + 23 * HOUR):
        kept = get(at)
        assert (kept.collateral, kept.fetched, kept.stale) == (collateral, NOW, False)
    assert service.asked == 1
    assert get(NOW + 24 * HOUR).fetched == NOW + 24 * HOUR
    assert service.asked == 2


def test_it_is_refreshed_before_it_expires(get, service, collateral):
    due = collateral.next_update
    get(due - 73 * HOUR)
    get(due - 73 * HOUR + timedelta(minutes=59))
    assert service.asked == 1
    get(due - 72 * HOUR)
    assert service.asked == 2


def test_each_key_has_its_own(get, service):
    get(key="one")
    get(key="another")
    assert service.asked == 2


def test_a_clock_that_was_set_back_makes_nothing_young_again(get, service):
    get(NOW)
    get(NOW - HOUR)
    assert service.asked == 2


def test_a_service_that_fails_is_no_verdict(get, service):
    get(NOW)
    service.down = True
    with pytest.raises(Unavailable):
        get(NOW + 25 * HOUR)


def test_stale_collateral_serves_only_where_that_is_allowed_and_within_its_own_time(get, service, collateral):
    get(NOW)
    service.down = True
    for later in (timedelta(0), HOUR, 25 * HOUR):
        kept = get(NOW + later, stale_if_error=True, most_age=timedelta(0))
        assert (kept.stale, kept.fetched) == (True, NOW)
    due = collateral.next_update
    assert get(due - timedelta(seconds=1), stale_if_error=True).stale
    for at in (due, due + HOUR, NOW - HOUR):
        with pytest.raises(Unavailable):
            get(at, stale_if_error=True)
    with pytest.raises(Unavailable):
        get(key="another", stale_if_error=True)


def test_what_does_not_hold_is_not_kept(get, service, scene, make_scene):
    """Whoever answers in the service's place cannot fill the cache."""
    roots = make_scene().roots

    def check(collateral):
        check_collateral(collateral, roots=roots, at=NOW)

    for _ in range(2):
        with pytest.raises(UntrustedRoot):
            get(check=check)
    assert service.asked == 2
    assert get(check=lambda collateral: check_collateral(collateral, roots=scene.roots, at=NOW))
    assert service.asked == 3


def test_an_entry_is_written_whole_or_not_at_all(get, cache, monkeypatch):
    get(NOW)
    before = [path.read_bytes() for path in cache.directory.iterdir()]
    monkeypatch.setattr(
        "caisson.evidence.intel.cache.os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "disk full"))
    )
    with pytest.raises(UsageError, match="disk full"):
        get(NOW + 25 * HOUR)
    assert [path.read_bytes() for path in cache.directory.iterdir()] == before


def test_an_entry_is_on_the_disk_before_it_has_its_name(get, cache, monkeypatch):
    synced = []

    def sync(draft):
        synced.append(os.fstat(draft).st_size)
        assert not list(cache.directory.glob("*.json"))

    monkeypatch.setattr("caisson.evidence.intel.cache.os.fsync", sync)
    get()
    assert synced == [path.stat().st_size for path in cache.directory.iterdir()]


def test_a_directory_that_is_none_cannot_keep_anything(get, cache, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot keep"):
        get(directory=tmp_path / "file")
    get()
    get(NOW + 25 * HOUR)
    assert cache.directory.stat().st_mode & 0o777 == 0o700
    entry = entry_of(cache)
    entry.unlink()
    entry.mkdir()
    with pytest.raises(UsageError, match="cannot keep"):
        get()


def entry_of(cache):
    (path,) = cache.directory.iterdir()
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda _: {},
        lambda entry: entry | {"version": 0},
        lambda entry: entry | {"version": 2},
        lambda entry: entry | {"key": "another"},
        lambda entry: entry | {"fetched": "yesterday"},
        lambda entry: entry | {"collateral": {}},
        lambda entry: entry | {"collateral": entry["collateral"] | {"root_ca_crl": "00"}},
        lambda entry: entry | {"collateral": entry["collateral"] | {"tcb_info": "{}"}},
    ],
    ids=range(8),
)
def test_a_damaged_entry_is_fetched_anew(get, cache, service, change):
    get()
    path = entry_of(cache)
    path.write_text(json.dumps(change(json.loads(path.read_bytes()))))
    get()
    assert service.asked == 2


@given(raw=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_bytes_in_an_entry_are_as_good_as_none(get, cache, raw):
    get()
    entry_of(cache).write_bytes(raw)
    assert get().fetched == NOW


def test_times_of_other_zones_are_kept_in_utc(get, service):
    get(NOW.astimezone(timezone(5 * HOUR)))
    assert get(NOW).fetched == NOW.replace(tzinfo=UTC)
    assert service.asked == 1


# Collateral by itself.


def test_collateral_is_checked_without_a_quote(collateral, scene):
    checked = check_collateral(collateral, roots=scene.roots, at=NOW)
    assert {checked.root} == scene.roots
    assert checked.validities.ends <= collateral.next_update
    with pytest.raises(Expired):
        check_collateral(collateral, roots=scene.roots, at=NOW + timedelta(days=60))
    with pytest.raises(UsageError):
        check_collateral(collateral, roots=scene.roots, at=NOW.replace(tzinfo=None))
    with pytest.raises(UntrustedRoot):
        check_collateral(collateral, roots=frozenset(), at=NOW)
    with pytest.raises(Malformed):
        check_collateral(replace(collateral, pck_crl_issuer_chain=b""), roots=scene.roots, at=NOW)


def test_collateral_for_domains_is_checked_as_such(domain_scene):
    checked = check_collateral(Collateral.parse(domain_scene.collateral), roots=domain_scene.roots, at=NOW)
    assert checked.trusted.tcb_info.modules is not None
