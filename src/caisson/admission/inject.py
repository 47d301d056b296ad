"""What an admitted pod is given: pinned images, evidence, the key server's address, and a lock on every door."""

from dataclasses import dataclass
from typing import Any

from caisson.admission.containers import PodContainer
from caisson.deploy import Deployment, Evidence, Flavour, MeasuredImage, application
from caisson.deploy.kubernetes.flavour import pod_annotations
from caisson.deploy.kubernetes.pod import pod_volumes, program

ADMITTED = "org.caisson/admitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What every confidential container of the cluster needs. The pod's own words, where it has some, are kept."""

    flavour: Flavour
    key_server: str
    evidence: Evidence


def patch(
    pod: dict[str, Any], admitted: list[tuple[PodContainer, MeasuredImage]], needs: Needs
) -> list[dict[str, Any]]:
    """Give the JSON Patch that turns a pod into one that works; for a pod that was patched before, an empty one.

    Raises:
        UsageError: an image that needs another kind of evidence.
    """
    changes: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = list(pod["spec"].get("volumes") or [])
    for container, image in admitted:
        changed, needed = _complete(container, image, needs)
        if changed != container.document:
            changes.append({"op": "replace", "path": container.path, "value": changed})
        known = {each.get("name") for each in volumes}
        volumes += [each for each in needed if each["name"] not in known]
    if volumes != (pod["spec"].get("volumes") or []):
        changes.append({"op": "add", "path": "/spec/volumes", "value": volumes})
    before = (pod.get("metadata") or {}).get("annotations") or {}
    digests = ",".join(str(image.pin.digest) for _, image in admitted)
    after = pod_annotations(needs.flavour) | before | {ADMITTED: digests}
    if admitted and after != before:
        changes.append({"op": "add", "path": "/metadata/annotations", "value": after})
    return changes


def _complete(
    container: PodContainer, image: MeasuredImage, needs: Needs
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give a container with all that it lacks, and the volumes that its new mounts are made of."""
    deployment = Deployment(image=image, name="program", key_server=needs.key_server, evidence=needs.evidence)
    model = application(deployment)
    wanted = program(deployment, needs.flavour, model)
    own = container.document
    changed = {**own, "image": str(image.pin)}
    names = {each.get("name") for each in own.get("env") or []}
    changed["env"] = [*(own.get("env") or []), *(each for each in wanted["env"] if each["name"] not in names)]
    user = {"runAsUser": image.uid, "runAsGroup": image.gid, "runAsNonRoot": image.uid != 0}
    changed["securityContext"] = wanted["securityContext"] | user | (own.get("securityContext") or {})
    if resources := _resources(own.get("resources") or {}, wanted.get("resources") or {}):
        changed["resources"] = resources
    taken = {each.get("mountPath") for each in own.get("volumeMounts") or []}
    prefix = f"caisson-{container.kind[0]}{container.index}-"
    made = {each["name"]: each for each in pod_volumes(deployment, needs.flavour, model)}
    # Data is the pod's own business: what has no volume here is not mounted by us.
    mounts = [
        each for each in wanted.get("volumeMounts") or [] if each["mountPath"] not in taken and each["name"] in made
    ]
    if mounts:
        added = [{**each, "name": f"{prefix}{each['name']}"} for each in mounts]
        changed["volumeMounts"] = [*(own.get("volumeMounts") or []), *added]
    return changed, [{**made[each["name"]], "name": f"{prefix}{each['name']}"} for each in mounts]


def _resources(own: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    kinds = ("limits", "requests")
    merged = {kind: (wanted.get(kind) or {}) | (own.get(kind) or {}) for kind in kinds}
    return {**own, **{kind: value for kind, value in merged.items() if value}}
