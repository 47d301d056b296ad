"""What tests of the admission webhook share: a policy, namespaces that it watches and not, pods to try."""

import json
import subprocess
from contextlib import contextmanager

LABELS = {"watched": "org.caisson/admission=enforced", "free": "org.caisson/other=yes"}
POLICY = """\
version = 1
runtimes = ["native"]
allow_debug = false
key_servers = ["{pin}"]
allow_unpinned = false

[[products]]
mrsigner = "{mrsigner}"
isv_prod_id = 17
minimum_isv_svn = 1
"""


def pod(name, image, **changes):
    container = {"name": "main", "image": image, **changes}
    return json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}
    )


def write_policy(redis, directory):
    """Write a policy that accepts Redis's image as `caisson up` built it."""
    path = directory / "policy.toml"
    path.write_text(POLICY.format(pin=redis["key_server_pin"], mrsigner=redis["mrsigner"]))
    return path


@contextmanager
def namespaces(cluster):
    """Make one namespace that is watched and one that is not; afterwards they are gone, and the webhook with them."""
    for namespace, label in LABELS.items():
        cluster.kubectl("create", "namespace", namespace)
        cluster.kubectl("label", "namespace", namespace, label)
    yield
    kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations"
    cluster.kubectl("delete", kinds, "caisson-webhook")
    cluster.kubectl("delete", "deployments", "--all", "--namespace", "caisson-system")
    for namespace in (*LABELS, "caisson-system"):
        # A namespace waits for its pods, and a kubelet of this version can take minutes.
        cluster.kubectl("delete", "pods", "--all", "--namespace", namespace, "--force", "--grace-period=0")
    cluster.kubectl("delete", "namespace", *LABELS, "caisson-system", "--timeout=80s")


def attempt(cluster, document, *options, namespace="watched"):
    return cluster.try_kubectl("create", "--namespace", namespace, *options, "--filename", "-", stdin=document)


def refused(cluster, document, *words):
    done = attempt(cluster, document)
    assert done.returncode != 0, done.stdout
    assert all(word in done.stderr for word in words), done.stderr


def build(image, dockerfile, *options):
    """Build an image with Docker alone and push it: a hostile operator has no more."""
    command = ["docker", *options]
    subprocess.run(
        [*command, "build", "--tag", image, "-"], input=dockerfile, text=True, capture_output=True, check=True
    )
    subprocess.run([*command, "push", image], capture_output=True, check=True)
    return image
