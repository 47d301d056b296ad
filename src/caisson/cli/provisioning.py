"""What a key server holds for a container that was just built here."""

from caisson.cli.local import Local
from caisson.conversion import ConfidentialImage, Recipe
from caisson.evidence import EnclaveRule, Policy, RootKey, TcbStatus
from caisson.keyserver import Generation, KeyServerClient, SecretKind, Workload


def exact_policy(built: ConfidentialImage, local: Local) -> Policy:
    """Accept exactly this enclave, by this signer, on this platform, provisioned by this server."""
    return Policy(
        roots=frozenset({RootKey.of_pem(local.root_pem.encode())}),
        tcb_statuses=frozenset({TcbStatus.UP_TO_DATE}),
        advisories=frozenset(),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=1,
        key_servers=frozenset({local.pin}),
        enclaves=(EnclaveRule(mr_enclave=built.mr_enclave, mr_signer=built.mr_signer),),
    )


def provision(recipe: Recipe, policy: Policy, local: Local, server: KeyServerClient) -> None:
    """Make a recipe's secrets that do not exist yet, and its workload."""
    for secret in recipe.provision.secret:
        generation = Generation(kind=SecretKind(secret.kind), length=secret.length, alphabet=secret.alphabet)
        server.generate_secret(secret.name, generation, if_absent=True)
    document = recipe.provision.workload(name=recipe.name, policy=policy.encode(), pcs=local.pcs)
    server.set_workload(Workload.parse(document))
