"""Who may talk to the program, and to whom it may talk."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from caisson.deploy.deployment import Deployment, Publish
from caisson.deploy.evidence import PlatformAddress, SidecarAesmd
from caisson.errors import UsageError

_NODE_PORTS = range(30000, 32768)
_DNS = 53
_PORTS = {"http": 80, "https": 443}


def services(deployment: Deployment, labels: dict[str, str], *, headless: bool) -> list[dict[str, Any]]:
    """Give the Service of the program's ports, and for a StatefulSet one without an address that names each replica.

    Raises:
        UsageError: a port that no node can offer.
    """
    ports = [
        {"name": f"tcp-{port}", "port": port, "targetPort": port, "protocol": "TCP"} for port in deployment.image.ports
    ]
    metadata = {"name": deployment.name, "labels": labels}
    found: list[dict[str, Any]] = []
    if ports:
        spec: dict[str, Any] = {"type": "ClusterIP", "selector": labels, "ports": ports}
        if deployment.publish:
            offered = {port.container_port: port for port in deployment.publish}
            wanted = [{**port, **_node_port(offered.get(int(str(port["port"]))))} for port in ports]
            spec |= {"type": "NodePort", "ports": wanted}
        found.append({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    if headless:
        names = {"clusterIP": "None", "selector": labels, "publishNotReadyAddresses": True}
        found.append(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": headless_name(deployment.name), "labels": labels},
                "spec": {**names, **({"ports": ports} if ports else {})},
            }
        )
    return found


def headless_name(name: str) -> str:
    """Give the name of the Service that names a StatefulSet's replicas."""
    return f"{name}-replicas"


def require_ports(deployment: Deployment) -> None:
    """Refuse what a Service cannot publish.

    Raises:
        UsageError: an address, a port outside of what nodes offer, or one that the image does not expose.
    """
    for port in deployment.publish:
        if port.host_address is not None:
            raise UsageError(
                f"nodes publish port {port.container_port} on their addresses, not on {port.host_address}",
                hint="leave the address out",
            )
        if port.host_port and port.host_port not in _NODE_PORTS:
            raise UsageError(
                f"nodes do not offer port {port.host_port}",
                hint=f"take one of {_NODE_PORTS.start} to {_NODE_PORTS.stop - 1}, or leave it out",
            )
        if port.container_port not in deployment.image.ports:
            raise UsageError(
                f"the image does not expose port {port.container_port}, so its Service does not have it",
                hint=f"it exposes: {', '.join(map(str, deployment.image.ports)) or 'none'}",
            )


def network_policy(deployment: Deployment, labels: dict[str, str], egress: tuple[int, ...]) -> dict[str, Any]:
    """Let the program's ports be reached; let it reach names, its key server, its evidence, and ports in `egress`."""
    out: list[dict[str, Any]] = [{"ports": [{"port": _DNS, "protocol": kind} for kind in ("UDP", "TCP")]}]
    out.append(_to(*_endpoint(deployment.key_server)))
    match deployment.evidence:
        case PlatformAddress(host=host, port=port):
            out.append(_to(host, port))
        case SidecarAesmd() as evidence:
            out.append(_to(*_endpoint(evidence.certificates_url)))
        case _:
            pass
    if egress:
        out.append({"ports": [{"port": port, "protocol": "TCP"} for port in egress]})
    ports = [{"port": port, "protocol": "TCP"} for port in deployment.image.ports]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": deployment.name, "labels": labels},
        "spec": {
            "podSelector": {"matchLabels": labels},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": ports}] if ports else [],
            "egress": out,
        },
    }


def _node_port(port: Publish | None) -> dict[str, int]:
    return {"nodePort": port.host_port} if port is not None and port.host_port else {}


def _endpoint(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _to(host: str, port: int) -> dict[str, Any]:
    """Give a rule for one peer; a policy cannot name hosts, so a name is any address at its port."""
    rule: dict[str, Any] = {"ports": [{"port": port, "protocol": "TCP"}]}
    try:
        address = ip_address(host)
    except ValueError:
        return rule
    return {"to": [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}], **rule}
