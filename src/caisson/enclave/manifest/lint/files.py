"""Rules about files: what the host can change, and what it can read."""

import posixpath
from collections.abc import Iterator
from itertools import combinations

from caisson.enclave.manifest.foreign import Foreign, is_template
from caisson.enclave.manifest.lint.program import Program
from caisson.enclave.manifest.lint.rule import Rule, Severity, Subject
from caisson.enclave.manifest.lint.words import is_code, is_interpreter, is_private_key

_SYSTEM_PLACES = ("/usr/local/share/ca-certificates/",)
_HOST_FILES = ("/etc", "/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/etc/nsswitch.conf", *_SYSTEM_PLACES)


def _wide_open(subject: Subject) -> Iterator[str]:
    for uri in subject.manifest.allowed():
        if uri.endswith(("/", ":", ":.")) or is_code(uri):
            yield f"sgx.allowed_files has `{uri}`"


def _keys_in_manifest(subject: Subject) -> Iterator[str]:
    for setting in subject.manifest.settings():
        if setting.path.startswith("fs.insecure__keys.") or "protected_files_key" in setting.path:
            yield setting.path


def _private_keys(subject: Subject) -> Iterator[str]:
    trusted = (_path(uri) for uri in subject.manifest.trusted())
    for path in sorted({*filter(is_private_key, trusted), *subject.contents.private_keys}):
        yield f"`{path}`"


def _trusted_and_allowed(subject: Subject) -> Iterator[str]:
    allowed = subject.manifest.allowed()
    for uri in subject.manifest.trusted():
        if any(_covers(one, uri) for one in allowed):
            yield f"`{uri}`"


def _sealed(subject: Subject) -> Iterator[str]:
    for mount in subject.manifest.mounts():
        if mount.get("type") == "encrypted" and str(mount.get("key_name")).startswith("_sgx_"):
            yield f"the mount of `{mount.get('path')}`"


def _untrusted_code(subject: Subject) -> Iterator[str]:
    manifest = subject.manifest
    program = Program.of(manifest)
    if not is_interpreter(program.path) or is_template(program.path):
        return
    within = manifest.get("fs.start_dir") or "/"
    safe = (*map(_path, manifest.trusted()), *(str(m.get("path")) + "/" for m in _kept(manifest, "encrypted", "tmpfs")))
    for argument in program.arguments:
        path = posixpath.normpath(posixpath.join(within, argument))
        if (argument.startswith("/") or is_code(argument)) and not any(_covers(one, path) for one in safe):
            yield f"`{argument[:200]}`, which `{program.path}` runs or reads"


def _of_the_host(subject: Subject) -> Iterator[str]:
    manifest = subject.manifest
    for uri in (*manifest.trusted(), *manifest.allowed()):
        path = _path(uri)
        if path.rstrip("/") in _HOST_FILES or path.startswith(_SYSTEM_PLACES):
            yield f"`{uri}`"


def _plain_volumes(subject: Subject) -> Iterator[str]:
    encrypted = [f"{mount.get('path')}/" for mount in _kept(subject.manifest, "encrypted")]
    for volume in subject.service.volumes:
        if not any(f"{volume}/".startswith(path) for path in encrypted):
            yield f"the volume `{volume}`"


def _anything_goes(subject: Subject) -> Iterator[str]:
    if subject.manifest.raw("sgx.file_check_policy") not in (None, "strict"):
        yield "sgx.file_check_policy"


def _shared(subject: Subject) -> Iterator[str]:
    for mount in _kept(subject.manifest, "untrusted_shm"):
        yield f"the mount of `{mount.get('path')}` is memory shared with the host"
    encrypted = [str(mount.get("uri")) for mount in _kept(subject.manifest, "encrypted")]
    for one, other in combinations(encrypted, 2):
        if f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/"):
            yield f"the encrypted mounts of `{one}` and `{other}` overlap"


def _kept(manifest: Foreign, *types: str) -> tuple[dict[str, object], ...]:
    return tuple(mount for mount in manifest.mounts() if mount.get("type") in types)


def _path(uri: str) -> str:
    return uri.removeprefix("file:")


def _covers(uri: str, other: str) -> bool:
    return uri == other or (uri.endswith("/") and other.startswith(uri))


RULES = (
    Rule(
        id="L02",
        severity=Severity.CRITICAL,
        title="directories or code that the host can change",
        reason="the host can put other files there at any time, and the program takes them",
        fix="trust what is only read, mount `tmpfs` for what may be lost and `encrypted` for what must be kept",
        looks_at="manifest",
        check=_wide_open,
    ),
    Rule(
        id="L03",
        severity=Severity.CRITICAL,
        title="key in the manifest",
        reason="everyone who has the image has the key, and with it all files",
        fix="remove it; let a key server give the key to the enclave after it has proved what it is",
        looks_at="manifest",
        check=_keys_in_manifest,
    ),
    Rule(
        id="L05",
        severity=Severity.CRITICAL,
        title="private key in the image",
        reason="everyone who has the image has the key; trusting a file does not hide it",
        fix="remove it, regard it as known, and let the key be made inside or come from the key server",
        looks_at="manifest, image",
        check=_private_keys,
    ),
    Rule(
        id="L09",
        severity=Severity.HIGH,
        title="trusted and allowed at once",
        reason="one of the two is not meant: an allowed file is taken unchecked",
        fix="take it out of `sgx.allowed_files`",
        looks_at="manifest",
        check=_trusted_and_allowed,
    ),
    Rule(
        id="L12",
        severity=Severity.HIGH,
        title="data that lasts under a key that does not",
        reason="the CPU's sealing keys change with the machine and its microcode, `_sgx_mrenclave` with every image:"
        " the data is lost then",
        fix="name a key that the key server gives",
        looks_at="manifest",
        check=_sealed,
    ),
    Rule(
        id="L13",
        severity=Severity.HIGH,
        title="code of an interpreted program that is not trusted",
        reason="the interpreter is measured, and what it runs is not",
        fix="trust the files or the directory of the program",
        looks_at="manifest",
        check=_untrusted_code,
    ),
    Rule(
        id="L16",
        severity=Severity.MEDIUM,
        title="the host's own configuration",
        reason="it is another one on each machine, so its hash fits none or the host decides whom the program trusts",
        fix="take certificates and `/etc` out of the image, and names out of"
        " `sys.enable_extra_runtime_domain_names_conf`",
        looks_at="manifest",
        check=_of_the_host,
    ),
    Rule(
        id="L17",
        severity=Severity.MEDIUM,
        title="volume that is not encrypted",
        reason="what the program keeps there, the host can read and change",
        fix="mount it as `encrypted` with a key that the key server gives",
        looks_at="recipe, image",
        check=_plain_volumes,
    ),
    Rule(
        id="L27",
        severity=Severity.CRITICAL,
        title="files that are neither trusted nor allowed are taken",
        reason="the host can show the program any file it likes",
        fix='set `sgx.file_check_policy = "strict"`',
        looks_at="manifest",
        check=_anything_goes,
    ),
    Rule(
        id="L28",
        severity=Severity.HIGH,
        title="mounts that the host shares or that share files",
        reason="the host reads and writes shared memory as it likes; a file that two encrypted mounts reach is damaged",
        fix="do without shared memory, and give each encrypted mount a directory of its own",
        looks_at="manifest",
        check=_shared,
    ),
)
