"""Rules for manifests and what stands around them: each with an id, a severity, a reason and a fix."""

from collections.abc import Sequence

from caisson.enclave.manifest.lint import enclave, files, surroundings
from caisson.enclave.manifest.lint.rule import Contents, Finding, Origin, Rule, Service, Severity, Subject
from caisson.enclave.manifest.lint.words import TOOLS, is_private_key

__all__ = [
    "RULES",
    "TOOLS",
    "Contents",
    "Finding",
    "Origin",
    "Rule",
    "Service",
    "Severity",
    "Subject",
    "is_private_key",
    "lint",
]

RULES: tuple[Rule, ...] = tuple(sorted((*enclave.RULES, *files.RULES, *surroundings.RULES), key=lambda rule: rule.id))


def lint(subject: Subject, *, rules: Sequence[Rule] = RULES) -> tuple[Finding, ...]:
    """Apply all rules; the worst findings come first."""
    found = (finding for rule in rules for finding in rule.findings(subject))
    return tuple(sorted(found, key=lambda finding: -finding.rule.severity))
