"""No two deployments, and no two paths of one, share a volume that nobody named."""

from itertools import combinations, product

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from caisson.deploy import Volume, compose_project, run_script, stack
from caisson.deploy.volume import SLOT
from caisson.errors import UsageError

WORDS = ("a", "app", "data", "var", "1", "gramine", "x")


def names(owner, path, *, gramine=False):
    return Volume.unnamed(path, of=owner, gramine=gramine).name


@pytest.mark.parametrize(
    ("owner", "path", "name"),
    [
        ("redis", "/data", "caisson-redis-data"),
        ("my-redis", "/data", "caisson-my-redis-data"),
        ("wordpress-mariadb", "/data", "caisson-wordpress-mariadb-data"),
        ("mongodb", "/data/db", "caisson-mongodb-data-db"),
        ("arangodb", "/var/lib/arangodb3", "caisson-arangodb-var-lib-arangodb3"),
        ("my-arangodb", "/var/lib/arangodb3", "caisson-my-arangodb-var-lib-arangodb3"),
        ("redis", "/config", "caisson-redis-config"),
        ("redis-2", "/config", "caisson-redis-2-config"),
        ("app", "/app/state.d", "caisson-app-app-state.d"),
        ("data", "/data", "caisson-data-data"),
        (f"my-redis-{SLOT}", "/data", f"caisson-my-redis-{SLOT}-data"),
        (f"redis-{SLOT}", "/a/b", f"caisson-redis-{SLOT}-a-b"),
    ],
)
def test_a_volume_keeps_the_name_that_can_be_read_in_one_likely_way(owner, path, name):
    assert Volume.unnamed(path, of=owner) == Volume(path=path, name=name)


def test_what_ran_under_gramine_direct_keeps_its_name_too():
    assert names("sqlite", "/data", gramine=True) == "caisson-sqlite-gramine-data"


@pytest.mark.parametrize(
    ("owner", "path", "name", "former"),
    [
        ("app-db", "/x", "caisson_app-db_x", "caisson-app-db-x"),
        ("app", "/a-b", "caisson_app_a-b", "caisson-app-a-b"),
        ("my-data", "/data", "caisson_my-data_data", "caisson-my-data-data"),
        ("sqlite-gramine", "/data", "caisson_sqlite-gramine_data", "caisson-sqlite-gramine-data"),
        ("app", "/a-b.c_d", "caisson_app_a-b.2ec.5fd", "caisson-app-a-b.c_d"),
        ("app", "/ä b", "caisson_app_.c3.a4.20b", None),
    ],
)
def test_any_other_has_a_name_that_no_other_has_and_knows_its_former_one(owner, path, name, former):
    assert Volume.unnamed(path, of=owner) == Volume(path=path, name=name, former=former)


def test_no_two_deployments_share_a_volume():
    """All names and paths of up to three words, and both ways to join those of a path."""
    owners = ["-".join(words) for size in (1, 2, 3) for words in product(WORDS, repeat=size)]
    paths = ["/" + sign.join(words) for size in (1, 2) for words in product(WORDS, repeat=size) for sign in "/-"]
    taken: dict[str, tuple[str, str, bool]] = {}
    for owner, path, gramine in product(owners, sorted(set(paths)), (False, True)):
        this = (owner, path, gramine)
        assert taken.setdefault(names(owner, path, gramine=gramine), this) == this


OWNERS = st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,12}", fullmatch=True)
PATHS = st.text(st.sampled_from("/ab-._ 12ä"), max_size=12).map("/".__add__)


@given(OWNERS, PATHS, OWNERS, PATHS)
def test_different_owners_or_paths_have_different_names(one, its_path, other, other_path):
    assert (names(one, its_path) == names(other, other_path)) is ((one, its_path) == (other, other_path))


def volumes_of(files):
    return [volume["name"] for volume in yaml.safe_load(files[0].text)["volumes"].values()]


@pytest.mark.parametrize("write", [compose_project, lambda made: stack(made, volume_per_node=True), stack])
def test_deployments_whose_names_begin_alike_keep_their_data_apart(make, write):
    constraints = {"constraints": ("node.hostname==one",)} if write is stack else {}
    volumes = [
        {*volumes_of(write(make(name=name, image_changes={"volumes": paths, "tmpfs": memory}), **constraints))}
        for name, paths, memory in (
            ("app", ("/db/x", "/db-x", "/1/memory/x", "/memory/x"), ("/tmp",)),
            ("app-db", ("/x", "/memory/x"), ("/x",)),
            ("app-memory", ("/x",), ("/memory/x",)),
        )
    ]
    assert not any(one & other for one, other in combinations(volumes, 2))
    assert [len(found) for found in volumes] == ([4, 2, 1] if write is compose_project else [5, 3, 2])


def test_a_script_mounts_what_is_the_containers_own(make):
    (script,) = run_script(make(name="app-db", image_changes={"volumes": ("/x",)}))
    assert "type=volume,source=caisson_app-db_x,target=/x" in script.text


def test_one_volume_is_not_for_two_paths(make):
    for name in ("mine", "caisson-redis-data"):
        with pytest.raises(UsageError, match=f"`{name}` is for two paths"):
            make(volumes=tuple(Volume(path=path, name=name) for path in ("/a/b", "/data")[: 1 + (name == "mine")]))
