"""The measured manifest of an image, for either runtime (docs/reference/image.md)."""

from collections.abc import Mapping

from caisson.conversion import places
from caisson.conversion.gramine import GramineFiles, refuse_plain
from caisson.conversion.recipe import Recipe
from caisson.conversion.trusted import Program
from caisson.enclave import (
    CpuFeatures,
    EnvironmentVariable,
    Feature,
    FileSystem,
    LibOs,
    LibOsBinary,
    Loader,
    Manifest,
    Mount,
    Root,
    Sgx,
    Sys,
    TrustedFile,
)
from caisson.errors import UsageError
from caisson.protocol import ServerKeyHash

NATIVE, GRAMINE = "native", "gramine"
PLAIN_KEYS = "CAISSON_PLAIN_KEYS"
ENCRYPTED_KEYS = "CAISSON_ENCRYPTED"
_ROOT = "file:/"


def native_manifest(
    recipe: Recipe, program: Program, trusted: Mapping[str, str], *, pin: ServerKeyHash | None
) -> Manifest:
    """Write the manifest for the native runtime. `trusted` gives SHA-256 (hex) by path.

    Its encrypted mounts are plain volumes; a measured variable says so, and names the keys that come to nothing.
    """
    keys = sorted({mount.key for mount in recipe.encrypted})
    measured = {PLAIN_KEYS: ",".join(keys)} if keys else {}
    return Manifest(
        libos=LibOs(entrypoint=places.PREMAIN),
        loader=_loader(recipe, program, {"CAISSON_RUNTIME": NATIVE, **measured}, pin),
        fs=FileSystem(start_dir=program.working_dir, mounts=tuple(Mount(path=path) for path in recipe.tmpfs)),
        sgx=_sgx(recipe, trusted, allowed=()),
    )


def gramine_manifest(recipe: Recipe, program: Program, around: GramineFiles, *, pin: ServerKeyHash | None) -> Manifest:
    """Write the manifest for Gramine.

    Raises:
        UsageError: the recipe has a plain volume, or says that the program cannot run there.
    """
    if recipe.gramine.unsupported is not None:
        raise UsageError(
            f"`{recipe.name}` does not run under Gramine: {recipe.gramine.unsupported}",
            hint="build it for `--runtime native`, which protects nothing",
        )
    refuse_plain(recipe.volumes)
    settings = recipe.gramine
    encrypted = (
        Mount(type="encrypted", path=mount.path, uri=f"file:{mount.path}", key_name=mount.key)
        for mount in recipe.encrypted
    )
    loader = _loader(
        recipe,
        program,
        {"CAISSON_RUNTIME": GRAMINE, "CAISSON_TMPFS": ":".join(recipe.tmpfs)},
        pin,
        libos=around.libos,
    )
    return Manifest(
        libos=LibOs(entrypoint=places.PREMAIN),
        loader=loader,
        fs=FileSystem(
            start_dir=program.working_dir,
            mounts=(*around.mounts, *(Mount(path=path) for path in recipe.tmpfs), *encrypted),
            root=Root(type="chroot", uri=_ROOT),
        ),
        sgx=_sgx(recipe, around.trusted, allowed=tuple(f"file:{file.path}" for file in recipe.files.allowed)),
        sys=Sys(
            stack_size=settings.stack_size,
            brk_max_size=settings.brk_size,
            fds_limit=settings.max_files,
            disallow_subprocesses=not settings.subprocesses,
            enable_sigterm_injection=settings.sigterm,
            enable_extra_runtime_domain_names_conf=settings.domain_names,
            experimental__enable_flock=settings.flock,
            insecure__allow_eventfd=settings.insecure_eventfd,
        ),
    )


def _loader(
    recipe: Recipe,
    program: Program,
    own: Mapping[str, str],
    pin: ServerKeyHash | None,
    *,
    libos: LibOsBinary | None = None,
) -> Loader:
    measured = {
        **program.environment,
        **own,
        "CAISSON_TLS_CERTIFICATE": places.TLS_CERTIFICATE,
        "CAISSON_TLS_KEY": places.TLS_CERTIFICATE if recipe.application.tls_in_one_file else places.TLS_KEY,
    }
    if pin is not None:
        measured["CAISSON_KEY_SERVER_PIN"] = str(pin)
    if recipe.file_keys:
        measured[ENCRYPTED_KEYS] = ",".join(sorted(recipe.file_keys))
    passed = {*places.DEPLOYMENT_VARIABLES, *recipe.application.passthrough}
    variables = {name: value for name, value in measured.items() if name not in passed}
    return Loader(
        argv=("premain", program.path, *program.argv),
        env=(
            *(EnvironmentVariable(name=name, value=value) for name, value in variables.items()),
            *(EnvironmentVariable(name=name, value=None) for name in passed),
        ),
        uid=program.user.uid,
        gid=program.user.gid,
        entrypoint=libos,
    )


def _sgx(recipe: Recipe, trusted: Mapping[str, str], *, allowed: tuple[str, ...]) -> Sgx:
    enclave = recipe.enclave
    features = {name: Feature(value) for name, value in enclave.cpu_features}
    return Sgx(
        enclave_size=enclave.size,
        max_threads=enclave.max_threads,
        isvprodid=enclave.isv_prod_id,
        isvsvn=enclave.isv_svn,
        debug=enclave.debug,
        edmm_enable=enclave.edmm,
        use_exinfo=enclave.exception_info,
        cpu_features=CpuFeatures(**features),
        trusted_files=tuple(TrustedFile(uri=f"file:{path}", sha256=digest) for path, digest in trusted.items()),
        allowed_files=allowed,
    )
