"""Containers that a workload's next policy would lock out when they start again."""

from caisson.cli.confidential import confidential, enclave_in
from caisson.engine import Docker
from caisson.errors import UsageError
from caisson.lifecycle import Confidential
from caisson.sgx import MrEnclave


def refuse_locking_out(docker: Docker, *, workload: str, key_server: str, only: MrEnclave, besides: str) -> None:
    """Refuse a policy that accepts one enclave only while another of the same workload runs; `besides` does not count.

    Such a container got its secrets, and goes on; but when it dies it comes back to a key server that says no.

    Raises:
        UsageError: there is one; nothing was changed yet.
    """
    for name, listed in sorted(confidential(docker).items()):
        state = docker.state(listed.container_id)
        if name == besides or state is None or not state.running:
            continue
        other = Confidential(state=state, enclave=enclave_in(docker, listed))
        if other.workload != workload or other.key_server != key_server:
            continue
        if other.enclave is None or other.enclave.mr_enclave != only:
            raise UsageError(
                f"the container `{name}` runs another build of workload `{workload}`, whose policy would accept only"
                " the one that was just built",
                hint=f"give this recipe a `name` of its own, or stop the other one with `caisson down {name}`",
            )
