"""What a cluster needs to ask the webhook: its configurations, its account, and the webhook itself as a Deployment."""

from dataclasses import dataclass
from typing import Any

from caisson.deploy import File, ImagePin
from caisson.deploy.kubernetes.files import documents
from caisson.deploy.kubernetes.locked_down import LOCKED_DOWN

LABEL = "org.caisson/admission"
ENFORCED = "enforced"
NAME = "caisson-webhook"

_PORT = 8443
_SETTINGS = "/etc/caisson"
_CREDENTIALS = "/etc/caisson-registry"
_REPLICAS = 2
_HEADING = "Made by `caisson webhook install`. Apply it with: kubectl apply --filename webhook.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where the webhook runs: in the cluster, of an image whose entry point is `caisson`, or at a URL outside.

    `arguments` are those of `caisson webhook serve` besides where it listens, which policy it has and how it reaches
    registries; `timeout` is in seconds, at most 30. In the cluster: `tls_ca` are authorities of registries (PEM),
    `registry_secret` names a Secret of the type `kubernetes.io/dockerconfigjson` in the namespace.
    """

    namespace: str
    policy: str
    arguments: tuple[str, ...] = ()
    image: ImagePin | None = None
    tls_ca: str | None = None
    registry_secret: str | None = None
    url: str | None = None
    timeout: int = 30


def installation_files(installation: Installation) -> tuple[File, ...]:
    """Give `webhook.yaml`."""
    objects = [*_account(installation.namespace), *_configurations(installation)]
    if installation.image is not None:
        # The webhook first: without it, its own configuration would hold pods back.
        objects[1:1] = _webhook(installation, installation.image)
    return (File(name="webhook.yaml", text=documents(objects, _HEADING)),)


def _account(namespace: str) -> list[dict[str, Any]]:
    """Give the account, which may change its own two configurations and nothing else."""
    rule = {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
        "resourceNames": [NAME],
        "verbs": ["get", "patch"],
    }
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME}
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": namespace}},
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": NAME}, "rules": [rule]},
        {
            "apiVersion": rbac,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAME},
            "roleRef": role,
            "subjects": [subject],
        },
    ]


def _configurations(installation: Installation) -> list[dict[str, Any]]:
    """Give both configurations: one that changes pods, and one that looks again when everybody has changed them."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "scope": "Namespaced"}
    pods = [{**rule, "operations": ["CREATE", "UPDATE"], "resources": ["pods", "pods/ephemeralcontainers"]}]
    made = [{**rule, "operations": ["CREATE"], "resources": ["pods"]}]
    chosen = {"matchExpressions": [{"key": LABEL, "operator": "In", "values": [ENFORCED]}]}
    others = {"matchExpressions": [{"key": LABEL, "operator": "NotIn", "values": [ENFORCED]}]}

    def webhook(prefix: str, path: str, rules: list[dict[str, Any]], selectors: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": f"{prefix}.caisson.org",
            "admissionReviewVersions": ["v1"],
            "clientConfig": _client(installation, path),
            "rules": rules,
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "sideEffects": "None",
            "timeoutSeconds": installation.timeout,
            **selectors,
        }

    selections: dict[str, dict[str, Any]] = {
        "namespaces": {"namespaceSelector": chosen},
        # A pod that asks for it itself, where its namespace does not.
        "pods": {"namespaceSelector": others, "objectSelector": chosen},
    }
    kinds: tuple[tuple[str, str, str, list[dict[str, Any]], dict[str, Any]], ...] = (
        ("MutatingWebhookConfiguration", "mutate", "/mutate", made, {"reinvocationPolicy": "IfNeeded"}),
        ("ValidatingWebhookConfiguration", "validate", "/validate", pods, {}),
    )
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": NAME},
            "webhooks": [
                webhook(f"{prefix}-{which}", path, rules, selectors | more) for which, selectors in selections.items()
            ],
        }
        for kind, prefix, path, rules, more in kinds
    ]


def _client(installation: Installation, path: str) -> dict[str, Any]:
    if installation.url is not None:
        return {"url": f"{installation.url.rstrip('/')}{path}"}
    return {"service": {"namespace": installation.namespace, "name": NAME, "path": path, "port": _PORT}}


def _webhook(installation: Installation, image: ImagePin) -> list[dict[str, Any]]:
    labels = {"app.kubernetes.io/name": NAME}
    metadata = {"name": NAME, "namespace": installation.namespace, "labels": labels}
    serve = ["webhook", "serve", "--listen", f"0.0.0.0:{_PORT}", "--policy", f"{_SETTINGS}/policy.toml"]
    settings = {"policy.toml": installation.policy}
    if installation.tls_ca is not None:
        settings["registry-ca.pem"] = installation.tls_ca
        serve += ["--tls-ca", f"{_SETTINGS}/registry-ca.pem"]
    container = {
        "name": NAME,
        "image": str(image),
        "imagePullPolicy": "IfNotPresent",
        "args": [*serve, "--name", f"{NAME}.{installation.namespace}.svc", *installation.arguments],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 - inside its container
        "ports": [{"name": "https", "containerPort": _PORT, "protocol": "TCP"}],
        "securityContext": LOCKED_DOWN,
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": _PORT, "scheme": "HTTPS"}, "periodSeconds": 2},
        "volumeMounts": [
            {"name": "policy", "mountPath": _SETTINGS, "readOnly": True},
            {"name": "temporary", "mountPath": "/tmp"},  # noqa: S108 - inside its container
        ],
    }
    pod = {
        "serviceAccountName": NAME,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "policy", "configMap": {"name": NAME}}, {"name": "temporary", "emptyDir": {}}],
    }
    if installation.registry_secret is not None:
        _give_credentials(pod, container, installation.registry_secret)
    selector = {"matchLabels": labels}
    # Whoever applies on the server's side must name the protocol.
    port = {"name": "https", "port": _PORT, "targetPort": _PORT, "protocol": "TCP"}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": settings},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [port]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": _REPLICAS,
                "selector": selector,
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]


def _give_credentials(pod: dict[str, Any], container: dict[str, Any], secret: str) -> None:
    """Let the webhook read registries with a Secret, and the node pull its image with the same."""
    pod["imagePullSecrets"] = [{"name": secret}]
    items = [{"key": ".dockerconfigjson", "path": "config.json"}]
    pod["volumes"].append({"name": "registry", "secret": {"secretName": secret, "items": items}})
    container["volumeMounts"].append({"name": "registry", "mountPath": _CREDENTIALS, "readOnly": True})
    container["args"] += ["--auth-file", f"{_CREDENTIALS}/config.json"]
