"""Random manifests with one thing wrong in them: whatever Gramine's own check refuses, `lint` tells."""

import copy
import json
import tomllib

import pytest

from caisson.enclave.manifest import Foreign, Subject, lint
from caisson.errors import Malformed
from tests.differential import oracle, spelling
from tests.differential.enclaves import document

pytestmark = oracle.needed

FORM = {"L18", "L26", "L29"}
OTHERS = [True, -1, 7, "text", "", [], ["a"], [1], {}, {"a": 1}, 1.5, [{"b": "c"}]]
# Without its hash, Gramine's tool looks for the library OS itself.
NO_LIBOS = repr("[Errno 2] No such file or directory: '/lib/libsysdb.so'")
CHECK = """
import json, sys
from graminelibos import Manifest
for each in json.load(sys.stdin):
    try:
        Manifest.loads(each).check()
        print("ok")
    except Exception as error:
        print(repr(str(error)))
"""


def places(table, path=()):
    """Give the way to every value of a document."""
    for name, value in table.items() if isinstance(table, dict) else enumerate(table):
        yield (*path, name)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, name))


def spoil(chance, good):
    """Change one thing: a value's type, a key's name, or leave something out."""
    bad = copy.deepcopy(good)
    *way, last = chance.choice(list(places(bad)))
    within = bad
    for step in way:
        within = within[step]
    match chance.randrange(3):
        case 0:
            within[last] = chance.choice(OTHERS)
        case 1:
            del within[last]
        case _ if isinstance(within, dict):
            within[chance.choice(["unknown", f"{last}x", str(last).upper()])] = within.pop(last)
    return bad


def told(raw):
    """Say what is wrong with a manifest, as far as its form goes."""
    try:
        findings = lint(Subject(manifest=Foreign.parse(raw)))
    except Malformed as error:
        return [error.message]
    return [finding.where for finding in findings if finding.rule.id in FORM]


@pytest.mark.parametrize("seed", oracle.seeds(1))
def test_what_gramines_check_refuses_is_told(seed):
    chance = oracle.chance(seed)
    spoiled = [spoil(chance, document(chance, threads=2, bits=26, edmm=False, files=[])) for _ in range(150)]
    # Whatever spelling it has, it is the same document.
    texts = [spelling.document(chance, each) for each in spoiled]
    assert [tomllib.loads(text) for text in texts] == spoiled
    verdicts = oracle.python("-c", CHECK, stdin=json.dumps(texts)).stdout.splitlines()
    assert len(verdicts) == len(spoiled)
    refused = [
        (text, verdict) for text, verdict in zip(texts, verdicts, strict=True) if verdict not in ("ok", NO_LIBOS)
    ]
    assert len(refused) > len(spoiled) // 4
    assert [verdict for text, verdict in refused if not told(text.encode())] == []
