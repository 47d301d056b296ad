"""`caisson exec` says no, and why."""

import pytest

from caisson.cli.app import run


@pytest.mark.parametrize(
    ("words", "what"), [(["sh", "-c", "id"], "`sh` cannot be run"), ([], "nothing can be run"), (["-it"], "`-it`")]
)
def test_nothing_is_run_and_the_engine_is_not_even_asked(engine, capsys, words, what):
    assert run(["exec", "redis", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {what}")
    assert "the one program that was measured" in err
    assert "hint: read `caisson logs redis`, ask it over its own port" in err
    assert engine.asked == []
