"""The reviewer's questions, each shown a good entry with one thing changed."""

from dataclasses import replace

import pytest

from caisson import catalog
from caisson.catalog import Entry, review

GOOD = catalog.load("redis")


def changed(tmp_path, file, old, new, *, good=GOOD):
    for item in good.files():
        text = item.read_text()
        if item.name == file:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / item.name).write_text(text)
    return Entry.read(good.name, tmp_path)


@pytest.mark.parametrize("name", catalog.names())
def test_every_entry_of_the_catalog_passes(name):
    assert [f"{fault.check.id} {fault.words}" for fault in review(catalog.load(name))] == []


@pytest.mark.parametrize(
    ("check", "file", "old", "new"),
    [
        ("C01", "caisson.toml", 'name = "redis"\n', 'name = "other"\n'),
        ("C01", "caisson.toml", "isv_prod_id = 17", "isv_prod_id = 18"),
        ("C02", "README.md", "# Redis\n", "Redis\n"),
        ("C02", "README.md", "**Not protected**", "Not protected"),
        ("C02", "README.md", "## Connecting", "## Using"),
        ("C02", "README.md", "## Limits", "## More"),
        ("C03", "conformance.toml", "[[restart]]", "[[start]]"),
        ("C03", "conformance.toml", "version = 1", "version = 2"),
        ("C04", "README.md", "    redis-cli", "    a-client"),
        ("C05", "caisson.toml", "[healthcheck]\ncommand", "[application.environment]\nX = '' #"),
        ("C06", "caisson.toml", '"localhost", ', ""),
        ("C07", "caisson.toml", 'user = "999:999"', 'user = "0:0"'),
        ("C08", "caisson.toml", "{{ secret:redis-password | redis }}", "x"),
        ("C08", "caisson.toml", "length = 32", "length = 8"),
        ("C09", "caisson.toml", "\n[enclave]", "\n\n[enclave]"),
        ("C12", "caisson.toml", "\n[provision]", "\n[[beside]]\nentry = 'nothing'\n[provision]"),
        ("C12", "caisson.toml", "\n[provision]", "\n[[beside]]\nentry = 'wordpress'\n[provision]"),
        ("C07", "caisson.toml", "[source.image.application]", "[source.image.application]\nuser = 'redis'"),
        ("C10", "caisson.toml", "redis:7.2", "redis:latest"),
        ("C10", "caisson.toml", '"/usr/local/bin/redis-server"', '"redis-server"'),
        ("C11", "caisson.toml", "[enclave]", "[enclave]\ndebug = true"),
        ("C11", "caisson.toml", "ports =", "volumes = ['/log']\nports ="),
        ("C11", "caisson.toml", "max_threads = 16", "max_threads = 2"),
    ],
)
def test_one_thing_missing_fails_one_check(tmp_path, check, file, old, new):
    assert {fault.check.id for fault in review(changed(tmp_path, file, old, new))} == {check}


def test_an_entry_without_promises_is_told_so(tmp_path):
    entry = replace(GOOD, folder=tmp_path)
    assert {fault.check.id for fault in review(entry)} == {"C03"}


@pytest.mark.parametrize(
    ("name", "file", "old", "new"),
    [
        ("php", "nginx.conf", "unix:/tmp/php/socket", "127.0.0.1:9000"),
        ("php", "start.sh", "-b /tmp/php/socket", "-b 127.0.0.1:9000"),
        ("wordpress", "nginx.conf", "unix:/tmp/php/socket", "localhost:9000"),
        ("wordpress", "start.sh", "-b /tmp/php/socket", "-b [::1]:9000"),
        ("nginx", "nginx.conf", "return 200", "proxy_pass http://127.0.0.1:8080/; return 200"),
        ("nginx", "nginx.conf", "    server {", "    upstream own { server localhost; }\n    server {"),
    ],
)
def test_processes_of_an_entry_that_talk_over_the_loopback_fail_one_check(tmp_path, name, file, old, new):
    entry = changed(tmp_path, file, old, new, good=catalog.load(name))
    assert {fault.check.id for fault in review(entry)} == {"C13"}


@pytest.mark.parametrize("target", ["unix:/tmp/own/socket", "database:9000", "localhost.example.org:9000"])
def test_a_unix_socket_and_another_machine_are_no_loopback(tmp_path, target):
    entry = changed(
        tmp_path, "nginx.conf", "return 200", f"fastcgi_pass {target}; return 200", good=catalog.load("nginx")
    )
    assert review(entry) == ()
