"""`caisson files`: exit codes and words, and nothing half-written."""

import json
import stat

import pytest

from caisson.cli.app import run


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_bytes(bytes(range(16)))
    (tmp_path / "plain").write_bytes(b"x" * 100_000)

    def typed(*arguments):
        code = run(["files", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    assert typed("encrypt", "--key", "key", "plain", "sealed") == (0, "100000 bytes, for the path sealed\n", "")
    return typed


def test_what_was_encrypted_is_decrypted_for_its_owner_only(typed, tmp_path):
    assert b"x" * 8 not in (tmp_path / "sealed").read_bytes()  # four there may be by chance
    assert typed("decrypt", "--key", "key", "sealed", "opened")[0] == 0
    assert (tmp_path / "opened").read_bytes() == b"x" * 100_000
    assert stat.S_IMODE((tmp_path / "opened").stat().st_mode) == 0o600


def test_inspecting_tells_more_with_the_key(typed):
    assert json.loads(typed("inspect", "sealed", "--json")[1]) == {
        "version": 1,
        "format": 2,
        "nodes": 26,
        "intact": None,
        "path": None,
        "size": None,
    }
    code, out, _ = typed("inspect", "--key", "key", "sealed")
    assert code == 0
    assert "path       sealed" in out
    assert "intact     yes" in out


@pytest.mark.parametrize("place", [100, 5000, -10], ids=["metadata", "tree", "last block"])
def test_a_changed_file_is_refused_and_nothing_is_left(typed, tmp_path, place):
    raw = bytearray((tmp_path / "sealed").read_bytes())
    raw[place] ^= 1
    (tmp_path / "sealed").write_bytes(raw)
    before = sorted(tmp_path.iterdir())
    code, out, err = typed("decrypt", "--key", "key", "sealed", "opened")
    assert (code, out) == (1, "")
    assert err.startswith("error: encrypted file")
    assert sorted(tmp_path.iterdir()) == before
    assert typed("inspect", "--key", "key", "sealed")[0] == 1


def test_a_wrong_key_a_short_key_and_a_wrong_path_are_told_apart(typed, tmp_path):
    (tmp_path / "wrong").write_bytes(bytes(16))
    (tmp_path / "short").write_bytes(bytes(15))
    code, _, err = typed("decrypt", "--key", "wrong", "sealed", "opened")
    assert (code, "another key" in err) == (1, True)
    assert typed("decrypt", "--key", "short", "sealed", "opened")[0] == 2
    code, _, err = typed("decrypt", "--key", "key", "--path", "other", "sealed", "opened")
    assert (code, "written for the path `sealed`" in err) == (1, True)
    assert not (tmp_path / "opened").exists()


def test_nothing_is_overwritten_without_being_asked(typed):
    assert typed("decrypt", "--key", "key", "sealed", "plain")[0] == 2
    assert typed("decrypt", "--key", "key", "--force", "sealed", "plain")[0] == 0
    assert typed("encrypt", "--key", "key", "plain", "sealed")[0] == 2
    assert typed("encrypt", "--key", "key", "plain", "no/such/folder")[0] == 2
    assert typed("decrypt", "--key", "key", "plain", "opened")[0] == 1


def test_a_file_that_cannot_be_read_is_a_wrong_request(typed, tmp_path, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    code, _, err = typed("decrypt", "--key", "key", "sealed", "opened")
    assert (code, "cannot read `sealed`: Permission denied" in err) == (2, True)
    assert not (tmp_path / "opened").exists()


def test_another_path_can_be_bound(typed):
    assert typed("encrypt", "--key", "key", "--path", "/models/m", "plain", "m")[0] == 0
    assert typed("decrypt", "--key", "key", "--path", "/models/m", "m", "opened")[0] == 0
