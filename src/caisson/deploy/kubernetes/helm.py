"""A deployment as a Helm chart that renders the same objects, and lets few things be changed: all of them checked."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from caisson.deploy import yaml
from caisson.deploy.deployment import Deployment
from caisson.deploy.files import File
from caisson.deploy.kubernetes.files import heading
from caisson.deploy.kubernetes.objects import KubernetesOptions, kubernetes_objects

_PINNED = "^[^@]+@sha256:[0-9a-f]{64}$"
_WORKLOADS = ("Deployment", "StatefulSet")
_MARK = "\N{INVISIBLE SEPARATOR}"  # in no value: names, paths and URLs were checked


def helm_chart(deployment: Deployment, options: KubernetesOptions) -> tuple[File, ...]:
    """Give a chart: `Chart.yaml`, `values.yaml` with its schema, and one template.

    Raises:
        UsageError: something that Kubernetes would ignore, or could not do.
    """
    # Named volumes are for one replica; otherwise there may be several, and then a budget for disruptions.
    several = not deployment.volumes
    made = replace(deployment, replicas=max(deployment.replicas, 2)) if several else deployment
    values: dict[str, Any] = {}
    written: list[str] = []
    for each in deepcopy(kubernetes_objects(made, options)):
        if each["kind"] in _WORKLOADS:
            each["spec"]["replicas"] = deployment.replicas
            _take_values(each, deployment.name, values)
        # A sign of the template language that was in a value is meant literally.
        text = yaml.encode(each, comment="").replace("{{", '{{ "{{" }}')
        if each["kind"] == "PodDisruptionBudget":
            text = f"{{{{- if gt (int .Values.replicas) 1 }}}}\n{text}{{{{- end }}}}\n"
        written.append(text)
    text = yaml.comment_lines(heading("Made by `caisson deploy helm`.", options)) + "---\n".join(written)
    for name, value in values.items():
        filled = f"{{{{ .Values.{name} }}}}" if isinstance(value, int) else f"{{{{ .Values.{name} | quote }}}}"
        text = text.replace(f"{_MARK}{name}{_MARK}", filled)
    chart = {
        "apiVersion": "v2",
        "name": deployment.name,
        "description": f"The confidential container {deployment.name}",
        "type": "application",
        "version": "0.1.0",
    }
    return (
        File(name="Chart.yaml", text=yaml.encode(chart, comment="Made by `caisson deploy helm`.")),
        File(
            name="values.yaml", text=yaml.encode(values, comment="What may be changed; values.schema.json checks it.")
        ),
        File(name="values.schema.json", text=json.dumps(_schema(values, most=1000 if several else 1), indent=2) + "\n"),
        File(name="templates/kubernetes.yaml", text=text),
    )


def _take_values(workload: dict[str, Any], name: str, values: dict[str, Any]) -> None:
    """Put marks in place of what may be changed, and keep what stood there as the default."""

    def take(holder: Any, key: Any, value_name: str, convert: Callable[[Any], Any] = str) -> None:
        values[value_name] = convert(holder[key])
        holder[key] = f"{_MARK}{value_name}{_MARK}"

    take(workload["spec"], "replicas", "replicas", int)
    container = next(each for each in workload["spec"]["template"]["spec"]["containers"] if each["name"] == name)
    take(container, "image", "image")
    for claim in workload["spec"].get("volumeClaimTemplates", ()):
        take(claim["spec"]["resources"]["requests"], "storage", "storage")


def _schema(values: dict[str, Any], *, most: int) -> dict[str, Any]:
    known = {
        "replicas": {"type": "integer", "minimum": 1, "maximum": most},
        "image": {"type": "string", "pattern": _PINNED},
        "storage": {"type": "string", "pattern": "^[1-9][0-9]*([KMGT]i?)?$"},
    }
    return {
        "$schema": "https://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": False,
        "required": list(values),
        "properties": {name: known[name] for name in values} | {"global": {"type": "object"}},
    }
