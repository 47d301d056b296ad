"""Rules about secrets and syntax in the manifest, and about what stands around it: image, recipe, deployment."""

from collections.abc import Iterator

from caisson.enclave.manifest.lint.rule import Rule, Severity, Subject
from caisson.enclave.manifest.lint.words import is_loader_relevant, is_secret
from caisson.enclave.manifest.removed import replacement

_MEASURED_SERVERS = {"CAISSON_KEY_SERVER": "CAISSON_KEY_SERVER_PIN"}
# What Gramine's own check wants: at all, and in each item of a list (python/graminelibos/manifest_check.py).
_REQUIRED = ("libos.entrypoint", "fs.mounts")
_REQUIRED_IN = {
    "fs.mounts": ("path",),
    "sgx.trusted_files": ("uri",),
    "sys.allowed_ioctls": ("request_code",),
    "sys.debug__mock_syscalls": ("name",),
}
_ENCRYPTED_ONLY = frozenset({"key_name", "enable_recovery"})
_RA_TLS_SERVERS = "SECRET_PROVISION_SERVERS"
_RA_TLS_TRUST = ("SECRET_PROVISION_CA_CHAIN_PATH", "RA_TLS_MRSIGNER", "RA_TLS_MRENCLAVE")


def _secrets(subject: Subject) -> Iterator[str]:
    for name, value in subject.manifest.variables().items():
        if value is not None and is_secret(name, value):
            yield f"loader.env.{name}"


def _passed_in(subject: Subject) -> Iterator[str]:
    for name, value in subject.manifest.variables().items():
        if value is None and is_loader_relevant(name):
            yield f"loader.env.{name}"


def _removed(subject: Subject) -> Iterator[str]:
    for setting in subject.manifest.settings():
        if (instead := replacement(setting)) is not None:
            yield f"{setting.path}: {instead}"


def _unknown(subject: Subject) -> Iterator[str]:
    for setting in subject.manifest.settings():
        if setting.fault is not None and replacement(setting) is None:
            yield f"{setting.path} {setting.fault}"
    for mount in subject.manifest.mounts():
        for key in _ENCRYPTED_ONLY & mount.keys() if mount.get("type") != "encrypted" else ():
            yield f"`{key}` of what is mounted at `{mount.get('path')}` is for encrypted file systems"


def _missing(subject: Subject) -> Iterator[str]:
    manifest = subject.manifest
    yield from (name for name in _REQUIRED if manifest.raw(name) is None)
    for name, wanted in _REQUIRED_IN.items():
        yield from (f"{name}: {key}" for item in manifest.tables(name) for key in wanted if key not in item)
    for mount in subject.manifest.mounts():
        if "uri" not in mount and mount.get("type") != "tmpfs":
            yield f"`uri` of what is mounted at `{mount.get('path')}`"


def _tools(subject: Subject) -> Iterator[str]:
    if subject.contents.tools:
        yield ", ".join(f"`{path}`" for path in subject.contents.tools)


def _unknown_origin(subject: Subject) -> Iterator[str]:
    if subject.origin is not None and not subject.origin.by_digest:
        yield f"`{subject.origin.reference}` is named by a tag, which can lead to another image tomorrow"
    if subject.origin is not None and not subject.origin.signed:
        yield f"`{subject.origin.reference}` is not signed"
    if subject.contents.unsupported is not None:
        yield f"{subject.contents.unsupported} gets no security fixes any more"


def _plain_ports(subject: Subject) -> Iterator[str]:
    if subject.service.ports and not subject.service.has_tls_key:
        yield f"port {', '.join(map(str, subject.service.ports))}"


def _any_key_server(subject: Subject) -> Iterator[str]:
    variables = subject.manifest.variables()
    for server, pin in _MEASURED_SERVERS.items():
        if variables.get(server) and not variables.get(pin):
            yield f"loader.env.{server}"
    if _RA_TLS_SERVERS in variables and not any(variables.get(name) for name in _RA_TLS_TRUST):
        yield f"loader.env.{_RA_TLS_SERVERS}"


def _exposed(subject: Subject) -> Iterator[str]:
    yield from subject.exposed


RULES = (
    Rule(
        id="L07",
        severity=Severity.HIGH,
        title="secret in the environment",
        reason="everyone who has the image can read it",
        fix="let the key server send it, as a file or variable, and regard this one as known",
        looks_at="manifest",
        check=_secrets,
    ),
    Rule(
        id="L08",
        severity=Severity.HIGH,
        title="host chooses a variable that decides what is loaded or trusted",
        reason="with it the host makes the program load other code, or trust another server",
        fix="give it a measured value, or none",
        looks_at="manifest",
        check=_passed_in,
    ),
    Rule(
        id="L18",
        severity=Severity.MEDIUM,
        title="syntax of an older Gramine",
        reason="Gramine 1.9 refuses the manifest, or does without what was meant",
        fix="use `caisson manifest migrate`",
        looks_at="manifest",
        check=_removed,
    ),
    Rule(
        id="L20",
        severity=Severity.LOW,
        title="tools that an intruder would like",
        reason="the program does not need them, and whoever gets in can",
        fix="start from an image without them, or build one out of packages (`[source.debian]`)",
        looks_at="image",
        check=_tools,
    ),
    Rule(
        id="L21",
        severity=Severity.LOW,
        title="image of uncertain origin or age",
        reason="nobody can say what it will be tomorrow, who made it, or who repairs it",
        fix="name it by its digest, sign it, and start from a distribution that is still supported",
        looks_at="image",
        check=_unknown_origin,
    ),
    Rule(
        id="L22",
        severity=Severity.HIGH,
        title="port without TLS",
        reason="what leaves the enclave there, the host reads; and nobody can tell what is at the other end",
        fix="give the program a certificate (`[provision] certificate`) and let it speak TLS only",
        looks_at="recipe, image",
        check=_plain_ports,
    ),
    Rule(
        id="L23",
        severity=Severity.HIGH,
        title="key server that is not pinned",
        reason="whoever answers at that address provides the program's secrets",
        fix="pin it (`caisson build --key-server-pin`), or let the deployment name it: then evidence says who it was",
        looks_at="manifest",
        check=_any_key_server,
    ),
    Rule(
        id="L24",
        severity=Severity.HIGH,
        title="deployment that gives away too much",
        reason="the program gets power over the host, or over the machine's attestation, that it does not need",
        fix="give it `/dev/sgx_enclave` and its volumes, and nothing else",
        looks_at="deployment",
        check=_exposed,
    ),
    Rule(
        id="L26",
        severity=Severity.HIGH,
        title="key or value that Gramine 1.9 does not know",
        reason="what was meant with it does not happen",
        fix="correct its spelling or its value; `caisson manifest explain` has all keys",
        looks_at="manifest",
        check=_unknown,
    ),
    Rule(
        id="L29",
        severity=Severity.MEDIUM,
        title="key that Gramine 1.9 wants is missing",
        reason="its tools refuse the manifest",
        fix="add it; a manifest without mounts says `fs.mounts = []`",
        looks_at="manifest",
        check=_missing,
    ),
)
