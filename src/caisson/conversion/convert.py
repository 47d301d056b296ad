"""The conversion: recipe and image in, confidential image out."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from caisson.conversion import places
from caisson.conversion.closure import SHEBANG
from caisson.conversion.command import find_program, merge_command, merge_environment, resolve_user
from caisson.conversion.content import Content
from caisson.conversion.elf import HEADER_SIZE, is_native
from caisson.conversion.layer import AddedDirectory, AddedFile, archive
from caisson.conversion.prepared import ConfidentialImage, PreparedImage
from caisson.conversion.programs import probe
from caisson.conversion.recipe import Healthcheck, Recipe
from caisson.conversion.trusted import Program, needed_files
from caisson.enclave import (
    EnvironmentVariable,
    FileSystem,
    LibOs,
    Loader,
    Manifest,
    Mount,
    Sgx,
    Signer,
    TrustedFile,
    unsigned_sigstruct,
)
from caisson.errors import UsageError
from caisson.oci import Image, PackedLayer, append, configure
from caisson.protocol import ServerKeyHash

_NANOSECONDS = 1_000_000_000


def convert(
    image: Image,
    recipe: Recipe,
    *,
    signer: Signer,
    premain: bytes,
    scratch: Path,
    key_server_pin: ServerKeyHash | None = None,
) -> ConfidentialImage:
    """Make a confidential image; the same input gives the same bytes. `scratch` holds the new layers.

    Raises:
        UsageError: image and recipe do not fit together.
        ImageRejected: the image is not what it claims to be.
        SignatureRejected: the key's holder gave something else than a signature.
    """
    return prepare(image, recipe, premain=premain, scratch=scratch, key_server_pin=key_server_pin).sign(signer)


def prepare(
    image: Image, recipe: Recipe, *, premain: bytes, scratch: Path, key_server_pin: ServerKeyHash | None = None
) -> PreparedImage:
    """Make everything of a confidential image but its signature; see `convert`."""
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
    )
    manifest = _manifest(recipe, program, _trusted(image, recipe, program, content, added), key_server_pin)
    layer = PackedLayer.pack(
        archive((*added, *_unmeasured(recipe)), _directories(recipe, program, content), existing=content.directory),
        scratch=scratch,
    )
    return PreparedImage(
        body=_configured(append(image, layer, created_by="caisson build"), recipe, program),
        manifest=manifest,
        unsigned=unsigned_sigstruct(premain, manifest.encode(), date=recipe.enclave.date),
        scratch=scratch,
        directory=content.directory(places.DIRECTORY),
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


def _trusted(
    image: Image, recipe: Recipe, program: Program, content: Content, added: tuple[AddedFile, ...]
) -> tuple[TrustedFile, ...]:
    own = {file.path: sha256(file.content).hexdigest() for file in added}
    paths = set(needed_files(program, content))
    for listed in recipe.files.trusted:
        paths.update(content.files_below(listed) if listed not in own else ())
    covers = {*recipe.tmpfs, *recipe.volumes, *image.config.run.volumes}
    hidden = tuple(f"{content.place(path).rstrip('/')}/" for path in covers)
    for path in sorted({*paths, *own}):
        if path.startswith(hidden):
            raise UsageError(
                f"`{path}` cannot be trusted: something is mounted over it",
                hint="take its directory out of `tmpfs` and `volumes`, or the file out of the recipe",
            )
    digests = content.digests(paths - own.keys()) | own
    return tuple(TrustedFile(uri=f"file:{path}", sha256=digest) for path, digest in digests.items())


def _manifest(
    recipe: Recipe, program: Program, trusted: tuple[TrustedFile, ...], pin: ServerKeyHash | None
) -> Manifest:
    measured = program.environment | {
        "CAISSON_RUNTIME": "native",
        "CAISSON_TLS_CERTIFICATE": places.TLS_CERTIFICATE,
        "CAISSON_TLS_KEY": places.TLS_KEY,
    }
    if pin is not None:
        measured["CAISSON_KEY_SERVER_PIN"] = str(pin)
    passed = {*places.DEPLOYMENT_VARIABLES, *recipe.application.passthrough}
    return Manifest(
        libos=LibOs(entrypoint=places.PREMAIN),
        loader=Loader(
            argv=("premain", program.path, *program.argv),
            env=(
                *(
                    EnvironmentVariable(name=name, value=value)
                    for name, value in measured.items()
                    if name not in passed
                ),
                *(EnvironmentVariable(name=name, value=None) for name in passed),
            ),
            uid=program.user.uid,
            gid=program.user.gid,
        ),
        fs=FileSystem(start_dir=program.working_dir, mounts=tuple(Mount(path=path) for path in recipe.tmpfs)),
        sgx=Sgx(
            enclave_size=recipe.enclave.size,
            max_threads=recipe.enclave.max_threads,
            isvprodid=recipe.enclave.isv_prod_id,
            isvsvn=recipe.enclave.isv_svn,
            debug=recipe.enclave.debug,
            trusted_files=trusted,
        ),
    )


def _directories(recipe: Recipe, program: Program, content: Content) -> tuple[AddedDirectory, ...]:
    own = tuple(
        AddedDirectory(path=content.place(path), uid=program.user.uid, gid=program.user.gid)
        for path in (*recipe.tmpfs, *recipe.volumes)
    )
    return (AddedDirectory(path=content.place(program.working_dir)), *own)


def _configured(image: Image, recipe: Recipe, program: Program) -> Image:
    run = image.config.run
    return configure(
        image,
        replace(
            run,
            user=str(program.user),
            env=(f"CAISSON_WORKLOAD={recipe.name}",),
            entrypoint=(places.PREMAIN,),
            cmd=None,
            working_dir=program.working_dir,
            exposed_ports=tuple(sorted({*run.exposed_ports, *(f"{port}/tcp" for port in recipe.ports)})),
            volumes=tuple(sorted({*run.volumes, *recipe.volumes})),
            labels={**run.labels, places.TMPFS_LABEL: ",".join(recipe.tmpfs)},
            healthcheck=None if recipe.healthcheck is None else _healthcheck(recipe.healthcheck),
        ),
    )


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    """Give it in Docker's spelling, whose times are nanoseconds (OCI image-spec, config.md, `Healthcheck`)."""
    return {
        "Test": ["CMD", *(check.command or (places.PROBE, str(check.probe)))],
        "Interval": check.interval * _NANOSECONDS,
        "Timeout": check.timeout * _NANOSECONDS,
        "StartPeriod": check.start_period * _NANOSECONDS,
        "Retries": check.retries,
    }
