"""What a rule is, what it looks at, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from caisson.enclave.manifest.foreign import Foreign


class Severity(IntEnum):
    """How bad it is; the higher the worse."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """Its name in lower case."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What lies in the image: paths of tools and private keys, and its distribution where its support has ended."""

    tools: tuple[str, ...] = ()
    private_keys: tuple[str, ...] = ()
    unsupported: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How the image is named, whether by its digest, and whether it is signed."""

    reference: str
    by_digest: bool
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the program offers and keeps: ports, whether it gets a TLS key, and directories that outlive it."""

    ports: tuple[int, ...] = ()
    has_tls_key: bool = False
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is examined: a manifest, and as much of its surroundings as is known.

    `exposed` says in words what a deployment gives to the container and should not.
    """

    manifest: Foreign
    service: Service = field(default_factory=Service)
    contents: Contents = field(default_factory=Contents)
    origin: Origin | None = None
    exposed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that is broken, and where."""

    rule: "Rule"
    where: str

    def __str__(self) -> str:
        return f"{self.rule.id} {self.rule.severity.word}: {self.where}: {self.rule.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule. `looks_at` names what it needs; `check` gives each place where it is broken, in words."""

    id: str
    severity: Severity
    title: str
    reason: str
    fix: str
    looks_at: str
    check: Callable[[Subject], Iterator[str]]

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Apply the rule."""
        for where in self.check(subject):
            yield Finding(rule=self, where=where)
