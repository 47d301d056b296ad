"""A cluster, through the user's own `kubectl`."""

from caisson.doctor.cluster_answers import parse_nodes, parse_plugins, parse_version, parse_webhooks
from caisson.doctor.readings import Kubernetes, Unread
from caisson.doctor.sensors.command import run
from caisson.errors import CaissonError

_TIMEOUT = "--request-timeout=10s"


def read_kubernetes() -> Kubernetes | Unread:
    """Ask for nodes, and for what may be hidden from this user: DaemonSets and webhooks."""
    try:
        nodes = _get("nodes")
        return Kubernetes(
            version=parse_version(nodes),
            nodes=parse_nodes(nodes),
            plugins=parse_plugins(_get("daemonsets", "--all-namespaces")),
            webhooks=parse_webhooks(_get("mutatingwebhookconfigurations")),
        )
    except CaissonError as error:
        return Unread(unread=error.message)


def _get(*words: str) -> str:
    return run("kubectl", "get", *words, _TIMEOUT, "--output", "json")
