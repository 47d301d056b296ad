"""Rego in a worker: only a plain yes is one, unfit engines are refused, and no policy holds us up or looks around."""

import io
import json
import os
import resource
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from caisson.errors import Unavailable, UsageError
from caisson.evidence.rego import WorkerEngine, require_conformance, worker
from caisson.evidence.rego.conformance import VECTORS

pytest.importorskip("regopy")
HEAD = "package caisson\nimport rego.v1\n"
SLOW = f"{HEAD}allow if {{ some x in numbers.range(1, 3000); some y in numbers.range(1, 3000); x * y == -1 }}\n"
LARGE = f"{HEAD}allow if numbers.range(1, 100000000)[_] == -1\n"
OLD = (str(Path(__file__).parent / "old_engine.py"),)


@pytest.fixture(scope="module")
def engine():
    with WorkerEngine(seconds=60) as engine:
        yield engine


def script(tmp_path, text):
    path = tmp_path / "worker.py"
    path.write_text(text)
    return (str(path),)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_the_engine_gives_the_right_answers(engine, vector):
    assert engine.allows(vector.policy, vector.claims) is vector.allowed


def test_the_engine_is_fit_for_use(engine):
    require_conformance(engine)


def test_an_engine_that_fails_open_is_refused():
    """A real one from the package index, which reads `if` as a name: it allows what the policy refuses."""
    pytest.importorskip("hobofan_regorus")
    with WorkerEngine(worker=OLD, seconds=60) as old, pytest.raises(Unavailable, match="not fit for use") as caught:
        require_conformance(old)
    assert "a condition in braces, without an import" in caught.value.message
    assert caught.value.hint == "it allows what policies refuse"


def test_an_engine_that_refuses_everything_is_refused():
    class Never:
        def allows(self, _policy, _claims):
            return False

    with pytest.raises(Unavailable, match="a plain yes") as caught:
        require_conformance(Never())
    assert caught.value.hint == "it refuses what policies allow"


def test_a_policy_without_end_is_no_verdict_and_no_hindrance(engine):
    with pytest.raises(Unavailable, match="ended"), WorkerEngine(seconds=60, megabytes=256) as small:
        small.allows(LARGE, {})
    with WorkerEngine(seconds=0.5) as impatient:
        with pytest.raises(Unavailable, match=r"longer than 0\.5 seconds"):
            impatient.allows(SLOW, {})
        impatient._seconds = 60  # on a busy machine, an answer at once may take longer than half a second
        assert impatient.allows(f"{HEAD}allow := true\n", {})
    assert engine.allows(f"{HEAD}allow := true\n", {})


def test_a_policy_sees_no_environment(monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2")
    assert os.environ["SECRET"]
    with WorkerEngine(seconds=60) as fresh:
        assert not fresh.allows(f"{HEAD}allow if opa.runtime().env.SECRET\n", {})
        assert fresh.allows(f'{HEAD}allow if object.get(opa.runtime(), "env", {{}}) == {{}}\n', {})


def test_nothing_of_one_policy_is_left_for_the_next(engine):
    assert engine.allows(f"{HEAD}allow := true\n", {})
    assert not engine.allows(f"{HEAD}other := true\n", {})


def test_the_worker_answers_a_line_with_a_line():
    evaluate = worker.load_regopy()

    def ask(policy, claims):
        return json.loads(worker.reply(json.dumps({"policy": policy, "input": claims}).encode(), evaluate))

    assert ask(f"{HEAD}allow := input.yes\n", {"yes": True}) == {"allow": True}
    assert ask(f"{HEAD}allow := 1\n", {}) == {"allow": None}
    assert ask(f"{HEAD}other := 1\n", {}) == {"allow": None}
    assert ask(f"{HEAD}allow := true\nallow := false\n", {}) == {"allow": None}
    assert ask("no Rego", {}) == {"error": "RegoError"}


@pytest.mark.parametrize(("fine", "answer"), [(True, True), (False, None)])
def test_an_error_that_comes_back_with_a_result_is_no_yes(monkeypatch, fine, answer):
    output = SimpleNamespace(ok=lambda: fine, results=[SimpleNamespace(expressions=[True])])
    interpreter = SimpleNamespace(
        add_module=lambda _name, _policy: None, set_input=lambda _claims: None, query=lambda _query: output
    )
    monkeypatch.setitem(sys.modules, "regopy", SimpleNamespace(Interpreter=lambda: interpreter))
    assert worker.load_regopy()("", {}) is answer


@pytest.fixture
def in_this_process(monkeypatch):
    """Let a worker run here: what it takes from its process is ours, and given back."""
    limits = {}
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    monkeypatch.setattr(os, "environ", {"SECRET": "hunter2"})
    monkeypatch.setattr(sys, "argv", ["worker", "256"])
    stdout = os.dup(1)
    yield limits
    os.dup2(stdout, 1)
    os.close(stdout)


def asks(monkeypatch, *questions):
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))


def test_the_worker_answers_until_its_input_ends(in_this_process, monkeypatch, capfd):
    asks(monkeypatch, *({"policy": f"{HEAD}{name} := true\n", "input": {}} for name in ("allow", "other")))
    runpy.run_path(worker.__file__, run_name="__main__")
    assert capfd.readouterr().out == '{"ready": true}\n{"allow": true}\n{"allow": null}\n'
    memory = 256 * 1024 * 1024
    assert in_this_process == {
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_NOFILE: (64, 64),
        resource.RLIMIT_CORE: (0, 0),
    }


@pytest.mark.usefixtures("in_this_process")
def test_what_an_engine_prints_is_no_answer(monkeypatch, capfd):
    def evaluate(_policy, _claims):
        os.write(1, b'{"allow": true}\n')
        return os.environ

    asks(monkeypatch, {"policy": "", "input": {}})
    worker.main(lambda: evaluate, 1)
    said = capfd.readouterr()
    assert (said.out, said.err) == ('{"ready": true}\n{"allow": {}}\n', '{"allow": true}\n')


HELLO = "import sys\nprint('{\"ready\": true}', flush=True)\nsys.stdin.readline()\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not start"),
        ("print('hello')", "does not start"),
        (HELLO, "ended"),
        (HELLO + "print('nonsense')", "nonsense"),
        (HELLO + "sys.stdout.write('x' * 1000000)", "without end"),
    ],
    ids=range(5),
)
def test_a_worker_that_misbehaves_is_no_verdict(tmp_path, text, words):
    with WorkerEngine(worker=script(tmp_path, text), seconds=60) as odd, pytest.raises(Unavailable, match=words):
        odd.allows("", {})


def test_only_true_is_yes(tmp_path):
    for answer in ('{"allow": 1}', '{"allow": "true"}', '{"error": "x"}', "true", "[]", '{"allow": true, "more": 1}'):
        with WorkerEngine(worker=script(tmp_path, f"{HELLO}print({answer!r})"), seconds=60) as odd:
            assert odd.allows("", {}) is False


def test_an_ended_worker_is_started_anew(tmp_path):
    with WorkerEngine(worker=script(tmp_path, HELLO + "print('{\"allow\": true}')"), seconds=60) as once:
        assert once.allows("", {})
        once._process.wait(60)
        assert once.allows("", {})


def test_a_worker_that_dies_while_it_is_asked_is_no_verdict(tmp_path):
    text = "print('{\"ready\": true}', flush=True)\nimport os\nos.close(0)\nimport time\ntime.sleep(60)"
    with WorkerEngine(worker=script(tmp_path, text), seconds=0.5) as dying:
        for _ in range(2):
            with pytest.raises(Unavailable):
                dying.allows("", {})


def test_a_worker_that_does_not_listen_is_no_verdict(tmp_path):
    text = "print('{\"ready\": true}', flush=True)\nimport time\ntime.sleep(60)"
    with WorkerEngine(worker=script(tmp_path, text), seconds=0.5) as deaf:
        with pytest.raises(Unavailable, match="longer than"):
            deaf.allows("x" * 50_000, {})
        with pytest.raises(UsageError, match="more than"):
            deaf.allows("x" * 100_000, {})


@pytest.mark.parametrize("now", [1.0, 2.0])
def test_an_answer_that_comes_too_late_is_no_verdict(tmp_path, now):
    """It is there, behind the word that the worker is ready, and the time is over before anybody looks."""
    text = 'print(\'{"ready": true}\\n{"allow": true}\', flush=True)\nimport time\ntime.sleep(60)'
    clock = iter((0.0, now)).__next__
    with (
        WorkerEngine(worker=script(tmp_path, text), seconds=1, clock=clock) as late,
        pytest.raises(Unavailable, match="longer than 1 seconds"),
    ):
        late.allows("", {})


def test_a_write_that_fails_is_no_verdict(tmp_path):
    """The worker lives, so that it is not started anew, and has closed its end before it says that it is ready."""
    text = "import os\nos.close(0)\nprint('{\"ready\": true}', flush=True)\nimport time\ntime.sleep(60)"
    with (
        WorkerEngine(worker=script(tmp_path, text), seconds=60) as shut,
        pytest.raises(Unavailable, match="Broken pipe"),
    ):
        shut.allows("", {})


def test_an_engine_that_gives_up_where_it_should_say_yes_is_not_called_wrong():
    class Fainting:
        def allows(self, _policy, _claims):
            raise Unavailable("fainted")

    with pytest.raises(Unavailable, match="fainted"):
        require_conformance(Fainting())


def test_to_give_up_where_a_policy_refuses_is_a_no():
    class Cautious:
        def allows(self, policy, claims):
            (vector,) = (each for each in VECTORS if (each.policy, each.claims) == (policy, claims))
            if vector.allowed:
                return True
            raise Unavailable("fainted")

    require_conformance(Cautious())
