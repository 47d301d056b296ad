import base64
import json
import os
import stat

import pytest

from caisson.errors import Unavailable, UsageError
from caisson.oci import RegistryName
from caisson.oci.registry.credentials import CredentialStore

NAME = RegistryName.parse("h.test:5000/team/app")


def encoded(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def look(tmp_path):
    """Write a file with credentials, and look there."""

    def look(content, name=NAME):
        file = tmp_path / "config.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        found = CredentialStore.usual(file, dict(os.environ)).find(name)
        return None if found is None else (found.user, found.password or found.identity_token or found.registry_token)

    return look


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """Install a credential helper that runs a line of shell."""

    def helper(name, line):
        path = tmp_path / "bin" / f"docker-credential-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\nread -r server\n{line}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")

    return helper


@pytest.mark.parametrize(
    "key", ["h.test:5000", "https://h.test:5000", "https://h.test:5000/v1/", "h.test:5000/team", "h.test:5000/team/app"]
)
def test_a_password_stands_under_the_registry_or_a_part_of_it(look, key):
    assert look({"auths": {key: {"auth": encoded("ada", "s:e")}}}) == ("ada", "s:e")


@pytest.mark.parametrize("key", ["h.test", "h.test:5001", "test:5000", "h.test:5000/tea", "h.test:5000/team/app/x"])
def test_a_password_for_another_place_is_not_taken(look, key):
    assert look({"auths": {key: {"auth": encoded("ada", "s")}}}) is None


def test_the_most_specific_place_wins(look):
    auths = {"h.test:5000": {"auth": encoded("all", "1")}, "h.test:5000/team": {"auth": encoded("team", "2")}}
    assert look({"auths": auths}) == ("team", "2")


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_docker_hub_is_found_under_all_its_names(look, key):
    assert look({"auths": {key: {"auth": encoded("ada", "s")}}}, RegistryName.parse("redis")) == ("ada", "s")


def test_tokens_stand_in_the_place_of_passwords(look):
    assert look({"auths": {"h.test:5000": {"identitytoken": "it", "auth": encoded("ada", "")}}}) == ("ada", "it")
    assert look({"auths": {"h.test:5000": {"registrytoken": "rt"}}}) == ("", "rt")


def test_user_and_password_may_stand_in_the_clear(look):
    assert look({"auths": {"h.test:5000": {"username": "ada", "password": "s"}}}) == ("ada", "s")


@pytest.mark.parametrize("content", [{}, {"auths": {}}, {"auths": {"h.test:5000": {}}}, {"auths": {"h.test:5000": 1}}])
def test_where_there_is_nothing_nothing_is_found(look, content):
    assert look(content) is None


WRONG_AUTH = [json.dumps({"auths": {"h.test:5000": {"auth": auth}}}) for auth in ("%", "\u02e1", "/w==", "YWRh")]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"auths":[]}', *WRONG_AUTH])
def test_a_file_that_is_broken_is_not_guessed_at(look, content):
    with pytest.raises(UsageError, match=r"config\.json"):
        look(content)


def test_a_helper_is_asked_for_its_registry_only(look, helper):
    helper("vault", """echo "{\\"Username\\":\\"$server\\",\\"Secret\\":\\"s\\"}" """)
    assert look({"credHelpers": {"h.test:5000": "vault"}}) == ("h.test:5000", "s")
    assert look({"credHelpers": {"other.test": "vault"}}) is None
    assert look({"credsStore": "vault"}, RegistryName.parse("redis")) == ("https://index.docker.io/v1/", "s")


def test_a_helper_may_give_a_token(look, helper):
    helper("vault", """echo '{"Username":"<token>","Secret":"it"}'""")
    assert look({"credHelpers": {"h.test:5000": "vault"}}) == ("", "it")


def test_a_store_without_credentials_leaves_the_word_to_the_file(look, helper):
    helper("vault", "echo credentials not found in native keychain; exit 1")
    auths = {"h.test:5000": {"auth": encoded("ada", "s")}}
    assert look({"credsStore": "vault", "auths": auths}) == ("ada", "s")


@pytest.mark.parametrize("line", ["exit 1", "echo {}", "echo no", "echo locked; exit 3"])
def test_a_helper_that_fails_is_no_reason_to_go_on_without(look, helper, line):
    helper("vault", line)
    with pytest.raises(Unavailable, match="docker-credential-vault"):
        look({"credsStore": "vault"})


def test_a_helper_that_is_not_there_is_named(look):
    with pytest.raises(Unavailable, match="docker-credential-none-such"):
        look({"credsStore": "none-such"})


@pytest.mark.parametrize("name", ["../evil", "a b", "a/b", "", "x" * 65])
def test_a_helper_has_no_path_in_its_name(look, name):
    with pytest.raises(UsageError, match="credential helper"):
        look({"credHelpers": {"h.test:5000": name}})


def test_podmans_file_comes_before_dockers(tmp_path):
    home = tmp_path / "home"
    for path, user in ((".config/containers/auth.json", "podman"), (".docker/config.json", "docker")):
        (home / path).parent.mkdir(parents=True)
        (home / path).write_text(json.dumps({"auths": {"h.test:5000": {"auth": encoded(user, "s")}}}))
    environment = {"HOME": str(home)}
    assert CredentialStore.usual(None, environment).find(NAME).user == "podman"
    assert CredentialStore.usual(None, {**environment, "XDG_CONFIG_HOME": "/nonexistent"}).find(NAME).user == "docker"
    only = {**environment, "REGISTRY_AUTH_FILE": str(home / ".docker/config.json")}
    assert CredentialStore.usual(None, only).find(NAME).user == "docker"


def test_a_file_that_was_named_must_be_there(tmp_path):
    with pytest.raises(UsageError, match="no file"):
        CredentialStore.usual(tmp_path / "none", {})
    with pytest.raises(UsageError, match="no file"):
        CredentialStore.usual(None, {"REGISTRY_AUTH_FILE": str(tmp_path / "none")})


def test_credentials_are_not_shown(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": {"h.test:5000": {"auth": encoded("ada", "s3cret")}}}))
    found = CredentialStore.usual(file, {"TOKEN": "s3cret"})
    assert "s3cret" not in repr(found) + repr(found.find(NAME)) + str(found.find(NAME))
