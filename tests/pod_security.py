"""Pod Security Standards, *baseline* and *restricted*, as kubernetes.io publishes them (2026): who breaks what.

Written from the published tables, not from the generator; only Linux pods are looked at.
"""

_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
_SECCOMP = {"RuntimeDefault", "Localhost"}
_BASELINE_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
_KINDS = ("containers", "initContainers", "ephemeralContainers")


def _containers(spec):
    return [each for kind in _KINDS for each in spec.get(kind, ())]


def baseline(spec):
    """Name each control of *baseline* that a pod's spec breaks."""
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield name
    if any("hostPath" in volume for volume in spec.get("volumes", ())):
        yield "hostPath volumes"
    pod = spec.get("securityContext", {})
    if pod.get("seccompProfile", {}).get("type") == "Unconfined":
        yield "seccomp"
    if pod.get("sysctls") or "seLinuxOptions" in pod or "hostProcess" in pod.get("windowsOptions", {}):
        yield "sysctls, SELinux or host process"
    for container in _containers(spec):
        yield from _container_baseline(container)


def _container_baseline(container):
    own = container.get("securityContext", {})
    if own.get("privileged"):
        yield "privileged"
    if set(own.get("capabilities", {}).get("add", ())) - _BASELINE_CAPABILITIES:
        yield "capabilities"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "host ports"
    if own.get("procMount", "Default") != "Default" or own.get("seccompProfile", {}).get("type") == "Unconfined":
        yield "procMount or seccomp"


def restricted(spec):
    """Name each control of *restricted* that a pod's spec breaks."""
    yield from baseline(spec)
    for volume in spec.get("volumes", ()):
        if set(volume) - {"name"} - _VOLUMES:
            yield f"volume types: {volume['name']}"
    pod = spec.get("securityContext", {})
    if pod.get("runAsUser") == 0:
        yield "running as root"
    for container in _containers(spec):
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"privilege escalation: {container['name']}"
        if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
            yield f"running as non-root: {container['name']}"
        if own.get("runAsUser") == 0:
            yield f"running as root: {container['name']}"
        if own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") not in _SECCOMP:
            yield f"seccomp: {container['name']}"
        capabilities = own.get("capabilities", {})
        if "ALL" not in capabilities.get("drop", ()) or set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
            yield f"capabilities: {container['name']}"
