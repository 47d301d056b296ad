import errno
import json
import re
import tomllib
from pathlib import Path

import pytest

from caisson import catalog
from caisson.cli.app import run
from caisson.conversion import Recipe


def test_all_programs_are_listed_with_their_ports(capsys):
    assert run(["catalog", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "PORTS", "WHAT", "IT", "IS"]
    assert [line.split()[0] for line in lines[1:]] == list(catalog.names())
    assert run(["catalog", "list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert {"name": "redis", "ports": [6379], "keeps": ["/data"], "enclave_size": "1G"}.items() <= next(
        entry for entry in entries if entry["name"] == "redis"
    ).items()


def test_programs_are_found_by_what_their_pages_say(capsys):
    assert run(["catalog", "search", "MQTT"]) == 0
    assert "mosquitto" in capsys.readouterr().out
    assert run(["catalog", "search", "nothing-like-it"]) == 1
    assert "error: the catalog has no program like `nothing-like-it`" in capsys.readouterr().err


def test_a_page_is_shown_as_it_was_written(capsys):
    assert run(["catalog", "show", "redis"]) == 0
    assert capsys.readouterr().out.strip() == catalog.load("redis").page.strip()
    assert run(["catalog", "show", "redis", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [
        "README.md",
        "caisson.toml",
        "conformance.toml",
        "redis.conf",
    ]


def test_an_unknown_program_is_named(capsys):
    assert run(["catalog", "show", "oracle"]) == 2
    assert "error: the catalog has no `oracle`" in capsys.readouterr().err


@pytest.mark.parametrize("name", catalog.names())
def test_every_program_can_be_the_start_of_another(name, tmp_path, capsys):
    assert run(["catalog", "init", name, str(tmp_path / "my-own")]) == 0
    assert "caisson up my-own --recipe" in capsys.readouterr().out
    recipe, original = Recipe.read(tmp_path / "my-own" / "caisson.toml"), catalog.load(name).recipe
    others = [name for name in type(recipe).model_fields if name not in ("file", "beside", "provision")]
    assert [getattr(recipe, name) for name in others] == [
        getattr(original.model_copy(update={"name": "my-own"}), name) for name in others
    ]
    own = original.provision.model_dump_json()
    for secret in original.provision.secret:
        own = re.sub(rf"(?<![\w-]){secret.name}(?![\w-])", secret.name.replace(name, "my-own", 1), own)
    assert recipe.provision.model_dump_json() == own or original.beside
    if not original.beside:
        assert (recipe.file, recipe.beside) == (original.file, ())
    copied = (tmp_path / "my-own" / "caisson.toml").read_text()
    assert tomllib.loads(copied)["name"] == "my-own"
    assert copied.count("#") == catalog.load(name).folder.joinpath("caisson.toml").read_text().count("#")


def test_a_copy_and_what_is_beside_it_know_each_other_by_the_new_name(tmp_path):
    assert run(["catalog", "init", "wordpress", str(tmp_path / "my-blog")]) == 0
    recipe, original = Recipe.read(tmp_path / "my-blog" / "caisson.toml"), catalog.load("wordpress").recipe
    settings, before = (
        next(file.content for file in one.file if file.path == "/srv/wp-config.php") for one in (recipe, original)
    )
    assert settings == before.replace("'wordpress-mariadb'", "'my-blog-mariadb'")
    assert "'my-blog-mariadb'" in settings
    (statements,), (earlier,) = ([file.content for file in one.beside[0].file] for one in (recipe, original))
    renamed = earlier.replace("'/CN=wordpress'", "'/CN=my-blog'")
    assert statements == renamed.replace("secret:wordpress-database-password", "secret:my-blog-database-password")
    assert statements.count("'/CN=my-blog'") == 2
    assert "my-blog-database-password" in [one.name for one in recipe.provision.secret]
    assert recipe.provision.certificate == original.provision.certificate


def test_a_copy_shares_no_secret_with_what_it_was_copied_from(tmp_path):
    assert run(["catalog", "init", "redis", str(tmp_path / "my-own")]) == 0
    copy, original = Recipe.read(tmp_path / "my-own" / "caisson.toml"), catalog.load("redis").recipe
    assert [one.name for one in copy.provision.secret] == ["my-own-password", "my-own-data-key"]
    assert copy.provision.fs_keys == {"data": "my-own-data-key"}
    assert "{{ secret:my-own-password | redis }}" in copy.provision.file[0].content
    assert "{secret:my-own-password}" in (tmp_path / "my-own" / "conformance.toml").read_text()
    assert (copy.enclave, copy.application) == (original.enclave, original.application)


def test_a_copy_can_be_for_the_upstream_image_only(tmp_path, capsys):
    assert run(["catalog", "init", "redis", str(tmp_path / "mine"), "--upstream"]) == 0
    recipe = Recipe.read(tmp_path / "mine" / "caisson.toml")
    assert recipe.source.debian is None
    upstream = catalog.load("redis").recipe.taken_from(upstream=True)
    assert (recipe.source, recipe.application) == (upstream.source, upstream.application)
    assert recipe.healthcheck == upstream.healthcheck
    assert run(["catalog", "init", "sqlite", str(tmp_path / "other"), "--upstream"]) == 2
    assert "error: the recipe names no upstream image" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_there_is_nothing_to_pin_without_an_upstream_image(tmp_path, capsys):
    assert run(["catalog", "init", "sqlite", str(tmp_path / "mine")]) == 0
    assert run(["catalog", "pin", str(tmp_path / "mine")]) == 2
    assert "error: the recipe names no upstream image" in capsys.readouterr().err
    assert run(["catalog", "pin", str(tmp_path)]) == 2
    assert "has no `caisson.toml`" in capsys.readouterr().err


def test_nothing_that_exists_is_written_over(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert run(["catalog", "init", "redis", str(tmp_path / "mine")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_directory_whose_name_is_none_for_a_program_needs_another(tmp_path, capsys):
    assert run(["catalog", "init", "redis", str(tmp_path / "My Own")]) == 2
    assert "hint: give one in lower case, with `--name`" in capsys.readouterr().err
    assert not (tmp_path / "My Own").exists()
    assert run(["catalog", "init", "redis", str(tmp_path / "My Own"), "--name", "mine"]) == 0


def test_the_whole_catalog_has_what_a_reviewer_asks_for(capsys):
    assert run(["catalog", "lint"]) == 0
    assert capsys.readouterr().out == "all is there\n"


def test_what_a_copy_lacks_is_named(tmp_path, capsys):
    assert run(["catalog", "init", "redis", str(tmp_path / "mine")]) == 0
    (tmp_path / "mine" / "README.md").write_text("# Mine\n")
    capsys.readouterr()
    assert run(["catalog", "lint", str(tmp_path / "mine")]) == 1
    out, err = capsys.readouterr()
    assert "mine: C01 `isv_prod_id` 17 is that of `redis`, too" in out
    assert "mine: C02 the page lacks `**Protected**`" in out
    assert err.startswith("error: ")


def test_a_directory_that_is_no_entry_is_told_so(tmp_path, capsys):
    assert run(["catalog", "lint", str(tmp_path)]) == 2
    assert "is no entry of a catalog" in capsys.readouterr().err


def test_a_copy_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    written = Path.write_text

    def full(self, text):
        if self.name == "redis.conf":
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return written(self, text)

    monkeypatch.setattr(Path, "write_text", full)
    assert run(["catalog", "init", "redis", str(tmp_path / "mine")]) == 3
    assert list(tmp_path.iterdir()) == []
