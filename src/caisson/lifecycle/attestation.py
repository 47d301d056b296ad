"""Which activation is which container's.

Evidence names an enclave, a workload and a key, and no container: the engine's names mean nothing to an enclave. Only
the key binds: who answers a TLS handshake with it is the enclave that was activated. All else is by name and time, and
says that such an enclave was activated while this container ran, on this machine or on another.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from caisson.lifecycle.activation import Activation, KeyServerLog
from caisson.lifecycle.confidential import Confidential

_EDGE = 1  # second; the log's times have no fractions


class Binding(StrEnum):
    """What connects a container with what the log says."""

    KEY = "key"  # its port answers with the key of the activation
    NAME = "name"  # same workload and MRENCLAVE, the first since it started, and no other container here claims it
    SHARED = "shared"  # the same, and several containers here claim it
    FOREIGN = "foreign"  # its port answers with a key that was never activated as this workload and MRENCLAVE
    NONE = "none"  # the log has no such activation since it started
    UNKNOWN = "unknown"  # no log was read, or the container has no SIGSTRUCT or never ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a key server's log says of one container; `others` claim the same activation."""

    binding: Binding
    activation: Activation | None = None
    others: tuple[str, ...] = ()


def attestations(containers: Iterable[Confidential], log: KeyServerLog | None) -> dict[str, Attestation]:
    """Give what a log says of each container of an engine, by name."""
    all_ = tuple(containers)
    if log is None:
        return {container.name: Attestation(binding=Binding.UNKNOWN) for container in all_}
    bound = {container.name: _by_key(container, log) for container in all_}
    taken = {found.sequence for found in bound.values() if found is not None}
    claims = {
        container.name: found if found is not None else _by_name(container, log, taken)
        for container in all_
        for found in (bound[container.name],)
    }
    return {container.name: _judge(container, bound[container.name], claims) for container in all_}


def _judge(container: Confidential, by_key: Activation | None, claims: dict[str, Activation | None]) -> Attestation:
    if container.enclave is None or container.state.started is None:
        return Attestation(binding=Binding.UNKNOWN)
    if by_key is not None:
        return Attestation(binding=Binding.KEY, activation=by_key)
    if container.tls_key is not None:
        return Attestation(binding=Binding.FOREIGN)
    claimed = claims[container.name]
    if claimed is None:
        return Attestation(binding=Binding.NONE)
    others = tuple(sorted(name for name, other in claims.items() if other == claimed and name != container.name))
    return Attestation(binding=Binding.SHARED if others else Binding.NAME, activation=claimed, others=others)


def _by_key(container: Confidential, log: KeyServerLog) -> Activation | None:
    if container.tls_key is None:
        return None
    return next((one for one in _alike(container, log) if one.tls_key == container.tls_key), None)


def _by_name(container: Confidential, log: KeyServerLog, taken: set[int]) -> Activation | None:
    """Give the first activation since its start that is not another's by key: premain asks once."""
    state = container.state
    if state.started is None:
        return None
    first = int(state.started.timestamp())
    last = None if state.ended is None else int(state.ended.timestamp()) + _EDGE
    return next(
        (
            one
            for one in _alike(container, log)
            if one.sequence not in taken and first <= one.time and (last is None or one.time <= last)
        ),
        None,
    )


def _alike(container: Confidential, log: KeyServerLog) -> tuple[Activation, ...]:
    enclave = container.enclave
    if enclave is None:
        return ()
    return tuple(
        one for one in log.activations if one.workload == container.workload and one.mr_enclave == enclave.mr_enclave
    )
