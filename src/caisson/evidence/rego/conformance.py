"""What an engine has to get right before it is trusted with a single question.

Engines exist that read `if` as the name of a variable and then allow everything; others make errors into values.
"""

from dataclasses import dataclass
from typing import Any

from caisson.errors import Unavailable
from caisson.evidence.rego.engine import PolicyEngine

_HEAD = "package caisson\nimport rego.v1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """A policy, an input, and the one right answer."""

    name: str
    policy: str
    claims: dict[str, Any]
    allowed: bool


VECTORS = (
    Vector(name="a plain yes", policy=f"{_HEAD}allow := true\n", claims={}, allowed=True),
    Vector(
        name="a condition that holds",
        policy=f'{_HEAD}default allow := false\nallow if input.tcb_status == "UpToDate"\n',
        claims={"tcb_status": "UpToDate"},
        allowed=True,
    ),
    Vector(
        name="a condition that does not hold",
        policy=f'{_HEAD}default allow := false\nallow if input.tcb_status == "UpToDate"\n',
        claims={"tcb_status": "OutOfDate"},
        allowed=False,
    ),
    # To an engine of old this is a fact, `allow`, and a rule of the name `if`.
    Vector(
        name="a condition in braces, without an import",
        policy="package caisson\n\ndefault allow := false\n\nallow if {\n\tinput.debug == false\n}\n",
        claims={"debug": True},
        allowed=False,
    ),
    Vector(
        name="a claim that is missing",
        policy=f"{_HEAD}allow if input.hardware\n",
        claims={},
        allowed=False,
    ),
    Vector(name="nothing is defined", policy=f"{_HEAD}other := true\n", claims={}, allowed=False),
    Vector(name="another package", policy="package other\nallow := true\n", claims={}, allowed=False),
    Vector(name="a contradiction", policy=f"{_HEAD}allow := true\nallow := false\n", claims={}, allowed=False),
    Vector(name="a number", policy=f"{_HEAD}allow := 1\n", claims={}, allowed=False),
    Vector(name="a word", policy=f'{_HEAD}allow := "true"\n', claims={}, allowed=False),
    Vector(name="a set with true in it", policy=f"{_HEAD}allow contains true\n", claims={}, allowed=False),
    Vector(name="no Rego", policy="allow everything!", claims={}, allowed=False),
    Vector(name="nothing at all", policy="", claims={}, allowed=False),
    Vector(
        name="the environment",
        policy=f"{_HEAD}allow if count(opa.runtime().env) > 0\n",
        claims={},
        allowed=False,
    ),
    Vector(
        name="the network",
        policy=f'{_HEAD}allow if http.send({{"method": "get", "url": "http://127.0.0.1:1/"}})\n',
        claims={},
        allowed=False,
    ),
    Vector(
        name="every claim of many",
        policy=f'{_HEAD}allow if every id in input.advisory_ids {{ id == "INTEL-SA-00615" }}\n',
        claims={"advisory_ids": ["INTEL-SA-00615", "INTEL-SA-00001"]},
        allowed=False,
    ),
)


def _allows(engine: PolicyEngine, vector: Vector) -> bool:
    """Ask; to give up is as good as a no where a no is right."""
    try:
        return engine.allows(vector.policy, vector.claims)
    except Unavailable:
        if vector.allowed:
            raise
        return False


def require_conformance(engine: PolicyEngine) -> None:
    """Refuse an engine that gives a wrong answer to any of the vectors.

    Raises:
        Unavailable: it does, and the message says to which; or it gives none where it should say yes, as an engine on
            a machine that is too busy.
    """
    wrong = [vector for vector in VECTORS if _allows(engine, vector) is not vector.allowed]
    if wrong:
        opened = [vector.name for vector in wrong if not vector.allowed]
        raise Unavailable(
            f"the Rego engine is not fit for use: it gives wrong answers to {', '.join(each.name for each in wrong)}",
            hint="it allows what policies refuse" if opened else "it refuses what policies allow",
        )
