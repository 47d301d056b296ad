"""Rego policies, optional: they may refuse what the declarative policy accepts, and never the reverse."""

from caisson.evidence.rego.conformance import require_conformance
from caisson.evidence.rego.engine import PolicyEngine, WorkerEngine

__all__ = ["PolicyEngine", "WorkerEngine", "require_conformance"]
