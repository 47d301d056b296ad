"""AdmissionReview, version v1 (Kubernetes API, `admission.k8s.io/v1`): what is asked, and what is answered."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Self

from caisson.errors import Malformed

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

_MOST_UID = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A question about one pod. `pod` is the object as it would be stored, with whatever members it has."""

    uid: str
    operation: str
    namespace: str
    pod: dict[str, Any]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a question.

        Raises:
            Malformed: it is none about a pod in this version.
        """
        try:
            document = json.loads(raw)
        except (ValueError, RecursionError):
            raise Malformed("the body is not JSON") from None
        if not isinstance(document, dict) or (document.get("apiVersion"), document.get("kind")) != (API_VERSION, KIND):
            raise Malformed(f"the body is no {KIND} of {API_VERSION}")
        request = _member(document, "request", dict)
        kind = _member(request, "kind", dict)
        if (kind.get("group"), kind.get("version"), kind.get("kind")) != ("", "v1", "Pod"):
            raise Malformed("the question is not about a pod")
        uid = _member(request, "uid", str)
        if not 0 < len(uid) <= _MOST_UID:
            raise Malformed("the question has no usable uid")
        pod = _member(request, "object", dict)
        _member(pod, "spec", dict)
        return cls(
            uid=uid,
            operation=_member(request, "operation", str),
            namespace=str(request.get("namespace") or ""),
            pod=pod,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An answer: yes, with a JSON Patch (RFC 6902) that may be empty, or no, with an HTTP status and a reason."""

    allowed: bool
    patch: tuple[dict[str, Any], ...] = ()
    status: int = 200
    message: str = ""

    def encode(self, uid: str) -> dict[str, Any]:
        """Write the answer to the question with this uid."""
        response: dict[str, Any] = {"uid": uid, "allowed": self.allowed}
        if not self.allowed:
            response["status"] = {"code": self.status, "message": self.message}
        elif self.patch:
            response["patchType"] = "JSONPatch"
            response["patch"] = base64.b64encode(json.dumps(self.patch).encode()).decode()
        return {"apiVersion": API_VERSION, "kind": KIND, "response": response}


def _member(holder: dict[str, Any], name: str, kind: type[Any]) -> Any:
    value = holder.get(name)
    if not isinstance(value, kind):
        raise Malformed(f"`{name}` is missing or of another type")
    return value
