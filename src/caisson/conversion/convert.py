"""The conversion: recipe and image in, confidential image out."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from caisson.conversion import places
from caisson.conversion.closure import SHEBANG
from caisson.conversion.command import find_program, merge_command, merge_environment, resolve_user
from caisson.conversion.content import Content
from caisson.conversion.elf import HEADER_SIZE, is_native
from caisson.conversion.encryption import encrypt_files
from caisson.conversion.gramine import gramine_files
from caisson.conversion.layer import AddedDirectory, AddedFile, archive
from caisson.conversion.manifests import GRAMINE, gramine_manifest, native_manifest
from caisson.conversion.measured import Measured, entrypoint_of, runtime_of
from caisson.conversion.prepared import ConfidentialImage, PreparedImage
from caisson.conversion.programs import probe
from caisson.conversion.recipe import Recipe
from caisson.conversion.recipe_program import Healthcheck
from caisson.conversion.runtime import Release
from caisson.conversion.trusted import Program, add_listed, needed_files
from caisson.enclave import Manifest, Signer
from caisson.enclave.protected_files import FileKey
from caisson.errors import UsageError
from caisson.oci import Image, PackedLayer, RegistryName, append, configure
from caisson.protocol import ServerKeyHash

_NANOSECONDS = 1_000_000_000
_NO_KEYS: Mapping[str, FileKey] = MappingProxyType({})


def convert(
    image: Image,
    recipe: Recipe,
    *,
    signer: Signer,
    premain: bytes,
    scratch: Path,
    key_server_pin: ServerKeyHash | None = None,
    runtime: Release | None = None,
    file_keys: Mapping[str, FileKey] = _NO_KEYS,
) -> ConfidentialImage:
    """Make a confidential image; the same input gives the same bytes. `scratch` holds the new layers.

    `file_keys` are those of the recipe's encrypted files, by their names. `runtime` is the release of Gramine to run
    under; without one the image is for the `native` runtime.

    Raises:
        UsageError: image and recipe do not fit together.
        ImageRejected: the image is not what it claims to be.
        SignatureRejected: the key's holder gave something else than a signature.
    """
    return prepare(
        image,
        recipe,
        premain=premain,
        scratch=scratch,
        key_server_pin=key_server_pin,
        runtime=runtime,
        file_keys=file_keys,
    ).sign(signer)


def prepare(
    image: Image,
    recipe: Recipe,
    *,
    premain: bytes,
    scratch: Path,
    key_server_pin: ServerKeyHash | None = None,
    runtime: Release | None = None,
    base: RegistryName | None = None,
    file_keys: Mapping[str, FileKey] = _NO_KEYS,
) -> PreparedImage:
    """Make everything of a confidential image but its signature; see `convert`.

    `base` is where the image came from, by its digest; labels of the new one say so.
    """
    encrypted = encrypt_files(image, recipe, file_keys, scratch=scratch)
    image = encrypted.image
    content = Content(image)
    if content.region(places.MANIFEST) is not None:
        raise UsageError("the image is a confidential one already", hint="start from the plain image")
    program = _program(image, recipe, content)
    added = (
        *(
            AddedFile(path=content.place(file.path), mode=file.mode, content=file.content.encode())
            for file in recipe.file
        ),
        AddedFile(path=places.PREMAIN, mode=0o555, content=premain),
        *encrypted.files,
    )
    libraries = needed_files(program, content)
    own = {file.path: file.digest for file in added}
    add_listed(libraries, recipe.files, content, own=own)
    _require_visible({*libraries.found, *own}, image, recipe, content)
    around = None if runtime is None else gramine_files(runtime, libraries, content, own=own)
    if around is None:
        trusted = content.digests(libraries.found - own.keys()) | own
        manifest = native_manifest(recipe, program, trusted, pin=key_server_pin)
    else:
        manifest = gramine_manifest(recipe, program, around, pin=key_server_pin)
    measured = Measured(pal=premain) if runtime is None else Measured.of(runtime)
    layer = PackedLayer.pack(
        archive(
            (*added, *_unmeasured(recipe), *(() if around is None else around.files)),
            _directories(recipe, program, content),
            existing=content.directory,
        ),
        scratch=scratch,
    )
    return PreparedImage(
        body=_configured(append(image, layer, created_by="caisson build"), recipe, program, manifest, base),
        manifest=manifest,
        unsigned=measured.sigstruct(manifest.encode(), date=recipe.enclave.date),
        scratch=scratch,
        directory=content.directory(places.DIRECTORY),
        pal=measured.digest,
    )


def _require_visible(paths: set[str], image: Image, recipe: Recipe, content: Content) -> None:
    covers = {*recipe.tmpfs, *recipe.kept, *image.config.run.volumes}
    hidden = tuple(f"{content.place(path).rstrip('/')}/" for path in covers)
    for path in sorted(paths):
        if path.startswith(hidden):
            raise UsageError(
                f"`{path}` cannot be trusted: something is mounted over it",
                hint="take its directory out of `tmpfs` and `volumes`, or the file out of the recipe",
            )


def _unmeasured(recipe: Recipe) -> tuple[AddedFile, ...]:
    """Give what runs beside the enclave, and is trusted by nobody."""
    if recipe.healthcheck is None or recipe.healthcheck.probe is None:
        return ()
    return (AddedFile(path=places.PROBE, mode=0o555, content=probe()),)


def _program(image: Image, recipe: Recipe, content: Content) -> Program:
    run, application = image.config.run, recipe.application
    if (image.config.os, image.config.architecture) != ("linux", "amd64"):
        raise UsageError(
            f"the image is for {image.config.os}/{image.config.architecture}",
            hint="SGX needs linux/amd64: take that variant of the image",
        )
    argv = application.command or merge_command(run.entrypoint, run.cmd)
    environment = merge_environment(run.env, application.environment, dropped=application.drop)
    working_dir = application.working_dir or run.working_dir or "/"
    user = run.user if application.user is None else application.user
    found = find_program(
        argv[0],
        path=environment["PATH"],
        working_dir=working_dir,
        exists=lambda path: content.resolve(path) is not None,
    )
    if not content.is_executable(found):
        raise UsageError(f"`{found}` is not executable", hint="set its executable bits in the image")
    start = content.read_at(content.resolve(found) or found, 0, HEADER_SIZE)
    if not (is_native(start) or start.startswith(SHEBANG)):
        raise UsageError(
            f"`{found}` is neither a program for x86-64 nor a script", hint="name another `command` in the recipe"
        )
    return Program(
        # Without links: what is measured is the file, not the way to it.
        path=content.resolve(found) or found,
        argv=argv,
        environment=environment,
        working_dir=working_dir,
        user=resolve_user(user, passwd=content.text("/etc/passwd"), group=content.text("/etc/group")),
    )


def _directories(recipe: Recipe, program: Program, content: Content) -> tuple[AddedDirectory, ...]:
    own = tuple(
        AddedDirectory(path=content.place(path), uid=program.user.uid, gid=program.user.gid)
        for path in (*recipe.tmpfs, *recipe.kept)
    )
    return (AddedDirectory(path=content.place(program.working_dir)), *own)


def _configured(image: Image, recipe: Recipe, program: Program, manifest: Manifest, base: RegistryName | None) -> Image:
    run = image.config.run
    in_enclave = runtime_of(manifest) == GRAMINE
    return configure(
        image,
        replace(
            run,
            user=str(program.user),
            env=(f"CAISSON_WORKLOAD={recipe.name}",),
            entrypoint=entrypoint_of(manifest),
            cmd=None,
            working_dir=program.working_dir,
            exposed_ports=tuple(sorted({*run.exposed_ports, *(f"{port}/tcp" for port in recipe.ports)})),
            volumes=tuple(sorted(_volumes(image, recipe))),
            labels={**run.labels, **_base_labels(base), places.TMPFS_LABEL: ",".join(recipe.tmpfs)},
            # Nothing but SIGTERM reaches a program under Gramine; every other signal ends the whole enclave.
            stop_signal="" if in_enclave else run.stop_signal,
            healthcheck=None if recipe.healthcheck is None else _healthcheck(recipe.healthcheck),
        ),
    )


def _volumes(image: Image, recipe: Recipe) -> frozenset[str]:
    """Give what outlives the container: what the recipe keeps or, if it keeps nothing, what the image does."""
    return frozenset(recipe.kept or image.config.run.volumes)


def _base_labels(base: RegistryName | None) -> dict[str, str]:
    """Say for people what the image was made from (OCI image-spec, annotations.md)."""
    if base is None:
        return {}
    name = str(replace(base, digest=None))
    return {"org.opencontainers.image.base.name": name, "org.opencontainers.image.base.digest": str(base.digest)}


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    """Give it in Docker's spelling, whose times are nanoseconds (OCI image-spec, config.md, `Healthcheck`)."""
    ours = (places.PROBE, str(check.probe), *(["certificate"] if check.ends_with_certificate else []))
    return {
        "Test": ["CMD", *(check.command or ours)],
        "Interval": check.interval * _NANOSECONDS,
        "Timeout": check.timeout * _NANOSECONDS,
        "StartPeriod": check.start_period * _NANOSECONDS,
        "Retries": check.retries,
    }
