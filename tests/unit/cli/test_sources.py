"""Where collateral comes from: one place, and a cache in front of a service that keeps only what holds."""

from datetime import UTC, datetime, timedelta

import pytest

from caisson.cli.roots import root_keys
from caisson.cli.sources import CollateralSource, PcsAddress, named_pcks
from caisson.errors import Unavailable, UntrustedRoot, UsageError
from caisson.evidence import Collateral, PcsClient, RootKey, TcbChoice, TcbUpdate
from caisson.sgx import ReportData
from tests.guest import launch, make_platform

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def platform():
    return make_platform(NOW.timestamp())


@pytest.fixture(scope="module")
def quote(platform):
    return platform.quote(launch(platform).ereport(platform.quoting_enclave.target_info, ReportData(bytes(64))))


@pytest.fixture
def fetched(platform, monkeypatch):
    """How often the service was asked; it is down once `None` is in the list."""
    asked = []

    def fetch(client, _kind):
        if None in asked:
            raise Unavailable("down")
        asked.append(client.choice)
        return Collateral.parse(platform.collateral())

    monkeypatch.setattr(PcsClient, "collateral_of", fetch)
    return asked


@pytest.fixture
def get(platform, quote, tmp_path):
    roots = frozenset({RootKey.of(platform.provisioning.root.certificate)})

    def get(*, cached=True, stale=False, at=NOW, roots=roots, choice=TcbChoice()):  # noqa: B008 - a frozen value
        pcs = PcsAddress(url="http://pcs.test", ca=None, choice=choice)
        cache = tmp_path / "cache" if cached else None
        return CollateralSource(file=None, pcs=pcs, cache=cache, stale_if_error=stale).get(quote, roots=roots, at=at)

    return get


def test_without_a_cache_the_service_is_asked_each_time(get, fetched):
    assert get(cached=False) == get(cached=False)
    assert len(fetched) == 2


def test_with_a_cache_once_for_each_evaluation(get, fetched):
    early = TcbChoice(update=TcbUpdate.EARLY)
    for choice in (TcbChoice(), early, early, TcbChoice()):
        get(choice=choice)
    assert fetched == [TcbChoice(), early]


def test_what_the_roots_do_not_stand_behind_is_refused_and_not_kept(get, fetched):
    with pytest.raises(UntrustedRoot):
        get(roots=frozenset())
    get()
    assert len(fetched) == 2


def test_old_collateral_is_used_only_if_allowed_and_said(get, fetched, capsys):
    get()
    fetched.append(None)
    later = NOW + timedelta(days=2)
    with pytest.raises(Unavailable):
        get(at=later)
    assert get(at=later, stale=True)
    assert "warning: the provisioning service does not answer" in capsys.readouterr().err


def test_a_source_is_one_place(tmp_path):
    with pytest.raises(UsageError, match="nobody says where"):
        CollateralSource(file=None, pcs=None, cache=None, stale_if_error=False).get(b"", roots=frozenset(), at=NOW)
    pcs = PcsAddress(url="http://pcs.test", choice=TcbChoice())
    with pytest.raises(UsageError, match="one place"):
        CollateralSource(file=tmp_path, pcs=pcs, cache=None, stale_if_error=False)


def test_no_option_is_read_over(tmp_path):
    """Whoever says something about fetching means that something is fetched."""
    pcs = PcsAddress(url="http://pcs.test", choice=TcbChoice())
    with pytest.raises(UsageError, match="keeps what is fetched"):
        CollateralSource(file=tmp_path, pcs=None, cache=tmp_path, stale_if_error=False)
    with pytest.raises(UsageError, match="what is kept"):
        CollateralSource(file=None, pcs=pcs, cache=None, stale_if_error=True)
    with pytest.raises(UsageError, match="questions to a provisioning service") as refused:
        named_pcks(None, 12)
    assert refused.value.hint == "give `--pcs URL`, too"
    assert named_pcks(None, 0) is None


def test_a_root_is_a_name_or_a_file(tmp_path, platform):
    path = tmp_path / "root.pem"
    path.write_text(platform.provisioning.root.pem)
    assert len(root_keys(("intel-sgx", str(path)))) == 2
    with pytest.raises(UsageError, match="cannot read"):
        root_keys((str(tmp_path / "nowhere.pem"),))
