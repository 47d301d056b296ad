"""What a recipe or an image says about the manifest's surroundings, for `caisson manifest lint`."""

import posixpath
import re
from collections.abc import Iterator
from datetime import date

from caisson.conversion import places
from caisson.conversion.recipe import Recipe
from caisson.enclave.manifest import TOOLS, Contents, Foreign, Origin, Service, Subject, is_private_key
from caisson.errors import ImageRejected
from caisson.oci import FileSystem, Image, Reference

# The last day of free security support, from the distributions' own pages.
_SUPPORTED_UNTIL = {
    ("debian", "9"): date(2022, 6, 30),
    ("debian", "10"): date(2024, 6, 30),
    ("debian", "11"): date(2026, 8, 31),
    ("debian", "12"): date(2028, 6, 30),
    ("ubuntu", "18.04"): date(2023, 5, 31),
    ("ubuntu", "20.04"): date(2025, 5, 31),
    ("ubuntu", "21.04"): date(2022, 1, 20),
    ("ubuntu", "21.10"): date(2022, 7, 14),
    ("ubuntu", "22.04"): date(2027, 4, 1),
    ("ubuntu", "22.10"): date(2023, 7, 20),
    ("ubuntu", "23.04"): date(2024, 1, 25),
    ("ubuntu", "23.10"): date(2024, 7, 11),
    ("ubuntu", "24.04"): date(2029, 4, 25),
    ("alpine", "3.16"): date(2024, 5, 23),
    ("alpine", "3.17"): date(2024, 11, 22),
    ("alpine", "3.18"): date(2025, 5, 9),
    ("alpine", "3.19"): date(2025, 11, 1),
    ("alpine", "3.20"): date(2026, 4, 1),
}
_BINARY_PLACES = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
_RELEASE_LINE = re.compile(r"(\w+)=\"?([^\"\n]*)\"?")
_ALPINE_VERSION = 2  # parts of its version that name a release
_MOST_KEY = 1 << 16  # bytes of a file that may be a private key
_PEM = b"PRIVATE KEY-----"
_ENDINGS = (".pem", ".key")


def recipe_subject(recipe: Recipe) -> Subject:
    """Give what a recipe says by itself; which files will be trusted only an image can tell.

    It stands for a manifest with the same arguments, environment and enclave that trusts all that is needed.
    """
    application, enclave = recipe.application, recipe.enclave
    command = application.command or ()
    passed = {name: {"passthrough": True} for name in application.passthrough}
    document = {
        "libos": {"entrypoint": places.PREMAIN},
        "loader": {"argv": ["premain", *command[:1], *command], "env": {**application.environment, **passed}},
        "fs": {
            "start_dir": application.working_dir or "/",
            "mounts": [
                *({"type": "tmpfs", "path": path} for path in recipe.tmpfs),
                *(
                    {"type": "encrypted", "path": mount.path, "uri": f"file:{mount.path}", "key_name": mount.key}
                    for mount in recipe.encrypted
                ),
            ],
        },
        "sgx": {
            "debug": enclave.debug,
            "enclave_size": enclave.size,
            "max_threads": enclave.max_threads,
            "edmm_enable": enclave.edmm,
            "isvprodid": enclave.isv_prod_id,
            "isvsvn": enclave.isv_svn,
            "remote_attestation": "dcap",
            "allowed_files": [f"file:{file.path}" for file in recipe.files.allowed],
            "trusted_files": [{"uri": f"file:{path}/"} for path in ("", *recipe.files.trusted)],
        },
    }
    certificate = recipe.provision.certificate
    service = Service(ports=recipe.ports, has_tls_key=bool(certificate.dns or certificate.ip), volumes=recipe.kept)
    return Subject(manifest=Foreign(document=document), service=service)


def image_subject(image: Image, reference: Reference, *, today: date) -> Subject:
    """Give what a confidential image says: its manifest, what lies in it, and how it is named.

    Raises:
        ImageRejected: it is a plain image.
        Malformed: its manifest is not TOML.
    """
    view = FileSystem.of(image)
    manifest = view.find(places.MANIFEST)
    if manifest is None or manifest.content is None:
        raise ImageRejected("the image is a plain one, without a manifest", hint="make it with `caisson build` first")
    foreign = Foreign.parse(manifest.content.read())
    signature = view.find(places.SIGSTRUCT)
    run = image.config.run
    return Subject(
        manifest=foreign,
        service=Service(
            ports=tuple(int(port.partition("/")[0]) for port in run.exposed_ports),
            has_tls_key="CAISSON_TLS_KEY" in foreign.variables(),
            volumes=tuple(run.volumes),
        ),
        contents=Contents(
            tools=tuple(sorted(set(_tools(view)))),  # places may be links to each other
            private_keys=tuple(sorted(_private_keys(view))),
            unsupported=_unsupported(view, today),
        ),
        origin=Origin(
            reference=str(reference),
            by_digest="@sha256:" in str(reference) or not str(reference).startswith("docker://"),
            signed=signature is not None,
        ),
    )


def _tools(view: FileSystem) -> Iterator[str]:
    for directory in _BINARY_PLACES:
        found = view.find(directory)
        if found is not None and found.is_directory:
            yield from (posixpath.join(found.path, name) for name in view.children(found.path) if name in TOOLS)


def _private_keys(view: FileSystem) -> Iterator[str]:
    for found in view.walk("/"):
        content = found.content
        if content is None or content.size > _MOST_KEY:
            continue
        if (is_private_key(found.path) or found.path.endswith(_ENDINGS)) and _PEM in content.read():
            yield found.path


def _unsupported(view: FileSystem, today: date) -> str | None:
    found = view.find("/etc/os-release")
    if found is None or found.content is None:
        return None
    fields = dict(_RELEASE_LINE.findall(found.content.read().decode(errors="replace")))
    name, version = fields.get("ID", ""), fields.get("VERSION_ID", "")
    release = ".".join(version.split(".")[:_ALPINE_VERSION]) if name == "alpine" else version
    until = _SUPPORTED_UNTIL.get((name, release))
    return f"{name} {version}" if until is not None and until < today else None
