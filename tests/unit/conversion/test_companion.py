"""What a recipe wants to have beside it is a workload of its own."""

import pytest

from caisson.conversion import Recipe, companion
from caisson.errors import Malformed, UsageError

ENCLAVE = '[enclave]\nsize = "256M"\nmax_threads = 4\nisv_prod_id = 1\nisv_svn = 1\n'
BASE = f"""
version = 1
name = "store"
summary = "keeps things"
ports = [1234]
{ENCLAVE}
[[encrypted]]
path = "/data"
key = "data"
[provision]
fs_keys = {{ data = "store-key" }}
certificate = {{ dns = ["localhost", "store"], ip = ["127.0.0.1"] }}
env = {{ TOKEN = "{{{{ secret:store-password | hex }}}}", OTHER = "{{{{ secret:elsewhere }}}}" }}
[[provision.secret]]
name = "store-key"
kind = "symmetric-key"
[[provision.secret]]
name = "store-password"
kind = "password"
[[provision.file]]
path = "/run/caisson/password"
content = "{{{{secret:store-password}}}} is not store-password"
"""
SHOP = f"""
version = 1
name = "shop"
summary = "sells things"
ports = [8443]
{ENCLAVE}
[[provision.secret]]
name = "shared"
kind = "password"
[[provision.secret]]
name = "private"
kind = "password"
[[provision.file]]
path = "/run/caisson/both"
content = "{{{{ secret:shared }}}} {{{{ secret:private }}}}"
[[beside]]
entry = "store"
[[beside.file]]
path = "/run/caisson/shop"
content = "{{{{ secret:shared }}}}"
"""


def recipes():
    shop, store = Recipe.parse(SHOP.encode()), Recipe.parse(BASE.encode())
    return shop, store, companion(shop, shop.beside[0], store)


def test_it_is_the_entry_but_for_its_name_and_what_the_key_server_holds():
    _, store, beside = recipes()
    assert beside.name == "shop-store"
    assert beside.model_copy(update={"name": store.name, "provision": store.provision}) == store


@pytest.mark.parametrize("hours", [None, 168])
def test_its_certificate_lives_as_long_as_that_of_the_program_it_stands_beside(hours):
    text = SHOP if hours is None else f"{SHOP}[provision.certificate]\nlifetime_hours = {hours}\n"
    shop, store = Recipe.parse(text.encode()), Recipe.parse(BASE.encode())
    beside = companion(shop, shop.beside[0], store)
    assert beside.provision.certificate.lifetime_hours == shop.provision.certificate.lifetime_hours == hours


def test_its_secrets_are_not_those_of_the_entry_on_its_own():
    _, _, beside = recipes()
    own, _ = beside.provision.file
    assert own.content == "{{secret:shop-store-password}} is not store-password"
    assert beside.provision.env["TOKEN"] == "{{ secret:shop-store-password | hex }}"
    assert beside.provision.env["OTHER"] == "{{ secret:elsewhere }}"
    assert beside.provision.fs_keys == {"data": "shop-store-key"}


def test_it_gets_the_files_and_of_the_others_secrets_only_those_in_them():
    _, _, beside = recipes()
    assert beside.provision.file[-1].path == "/run/caisson/shop"
    assert [secret.name for secret in beside.provision.secret] == ["shop-store-key", "shop-store-password", "shared"]


def test_its_certificate_is_for_no_name_of_the_entry_on_its_own():
    _, _, beside = recipes()
    assert beside.provision.certificate.dns == ("localhost", "shop-store")


def test_what_wants_something_beside_it_stands_beside_nothing():
    shop, _, _ = recipes()
    with pytest.raises(UsageError, match="cannot stand beside `shop`"):
        companion(shop, shop.beside[0], shop)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[beside]]", '[[beside]]\nentry = "store"\n[[beside]]', "twice"),
        ('entry = "store"', 'entry = "Store"', "no name|not a name"),
        ('entry = "store"', f'entry = "{"s" * 60}"', "no name for a workload"),
        ('entry = "store"', 'entry = "store"\nport = 1', "port"),
        ('path = "/run/caisson/shop"', 'path = "shop"', "absolute path"),
    ],
)
def test_what_cannot_be_beside_is_malformed(old, new, words):
    with pytest.raises(Malformed, match=words):
        Recipe.parse(SHOP.replace(old, new).encode())
