"""The recipe, `caisson.toml`: how a program becomes a confidential container (docs/reference/recipe.md)."""

import json
import re
from importlib.resources.abc import Traversable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from caisson.conversion import places
from caisson.conversion.recipe_gramine import CpuFeatureSettings, EncryptedMount, GramineSettings
from caisson.conversion.recipe_values import SIZE, AbsolutePath, Table, matching, power_of_two
from caisson.conversion.toml_model import read_model
from caisson.protocol import WORKLOAD_NAME

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DANGEROUS = re.compile(r"LD_.*|PATH|PYTHON.*|NODE_OPTIONS|JAVA_TOOL_OPTIONS|GLIBC_TUNABLES|CAISSON_.*")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")
_IMAGE = re.compile(
    r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
_SUITE = re.compile(r"[a-z][a-z-]*")
_PROBE = re.compile(r"(tcp|tls):\d{1,5}|https:\d{1,5}/[!-~]*")
_NEIGHBOUR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_MOST_NEIGHBOUR = 4 << 20  # bytes of a file beside the recipe


def _added(path: str) -> str:
    if path.endswith("/") or f"{path}/".startswith(f"{places.DIRECTORY}/"):
        raise ValueError(f"is a directory, or lies below `{places.DIRECTORY}`")
    return path


def _octal(value: object) -> object:
    return int(value, 8) if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3}", value) else value


def _harmless(name: str) -> str:
    if _DANGEROUS.fullmatch(name):
        raise ValueError("would let the host decide what the program loads; give it a measured value instead")
    return name


def _not_ours(name: str) -> str:
    if name.startswith("CAISSON_"):
        raise ValueError("is reserved: names that begin with `CAISSON_` are for the guest agent")
    return name


def _neighbour(name: object, folder: Traversable | None) -> str:
    if folder is None:
        raise ValueError("names a file beside the recipe, which was not read out of a folder")
    if not isinstance(name, str) or _NEIGHBOUR.fullmatch(name) is None:
        raise ValueError(f"names {str(name)[:80]!r}, which is no file beside the recipe")
    try:
        with folder.joinpath(name).open("rb") as file:
            raw = file.read(_MOST_NEIGHBOUR + 1)
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as cause:
        raise ValueError(f"names `{name}`, which cannot be read as text: {cause}") from cause
    if len(raw) > _MOST_NEIGHBOUR:
        raise ValueError(f"names `{name}`, which has more than {_MOST_NEIGHBOUR} bytes")
    return text


Package = Annotated[str, matching(_PACKAGE, "a name for a package")]
Variable = Annotated[str, matching(_VARIABLE, "a name for a variable")]


class DebianSource(Table):
    """A root file system out of Debian's packages, unpacked and not configured: no maintainer script runs."""

    suite: Annotated[str, matching(_SUITE, "a name for a Debian suite")]
    packages: Annotated[tuple[Package, ...], Field(min_length=1)]


class BuildStage(Table):
    """How the program is built from source, out of Debian's packages of the same suite, which stay out of the image.

    `files` lie beside the recipe. Commands find them in `/src`; what they put below `/out` is added to the image.
    """

    model_config = ConfigDict(
        json_schema_extra=lambda schema: schema["properties"].update(
            files={"type": "array", "items": {"type": "string", "pattern": _NEIGHBOUR.pattern}}
        )
    )

    packages: Annotated[tuple[Package, ...], Field(min_length=1)]
    files: dict[str, str] = Field(default_factory=dict)
    commands: Annotated[tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1)]

    @field_validator("files", mode="before")
    @classmethod
    def _from_neighbours(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, list):
            raise ValueError("is not a list of names of files beside the recipe")  # noqa: TRY004 - pydantic's protocol
        return {name: _neighbour(name, info.context) for name in value}


class Source(Table):
    """How the plain image is had."""

    debian: DebianSource | None = None
    image: Annotated[str, matching(_IMAGE, "an image in a registry, such as `docker.io/library/redis:7`")] | None = None
    build: BuildStage | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.debian is not None and self.image is not None:
            raise ValueError("has both `debian` and `image`")
        if self.build is not None and self.debian is None:
            raise ValueError("has `build` without `debian`, whose suite and packages it is built for")
        return self


class Application(Table):
    """What to run. What is left out comes from the image."""

    command: tuple[str, ...] | None = None
    working_dir: AbsolutePath | None = None
    user: str | None = None
    environment: dict[Annotated[Variable, AfterValidator(_not_ours)], str] = Field(default_factory=dict)
    drop: tuple[str, ...] = ()
    passthrough: tuple[Annotated[Variable, AfterValidator(_harmless)], ...] = ()


class EnclaveSettings(Table):
    """The enclave. `size` is a power of two with suffix K, M or G; `isv_svn` rises with every security fix."""

    size: Annotated[str, matching(SIZE, "a size such as `512M`"), AfterValidator(power_of_two)]
    max_threads: Annotated[int, Field(ge=1, le=4096)]
    isv_prod_id: Annotated[int, Field(ge=1, le=0xFFFF)]
    isv_svn: Annotated[int, Field(ge=1, le=0xFFFF)]
    debug: bool = False
    edmm: bool = False
    exception_info: bool = False
    cpu_features: CpuFeatureSettings = CpuFeatureSettings()
    date: Annotated[str, matching(re.compile(r"\d{4}-\d{2}-\d{2}"), "a date, YYYY-MM-DD")] = "0000-00-00"


class AddedFile(Table):
    """A file that the recipe adds to the image; it is measured.

    Its text stands in the recipe, or in a file beside it: `from` is that file's name.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "properties": {
                "path": {"type": "string"},
                "mode": {"type": "string", "default": "444"},
                "content": {"type": "string"},
                "from": {"type": "string", "pattern": _NEIGHBOUR.pattern},
            },
            "required": ["path"],
            "oneOf": [{"required": ["content"]}, {"required": ["from"]}],
        }
    )

    path: Annotated[AbsolutePath, AfterValidator(_added)]
    mode: Annotated[int, BeforeValidator(_octal), Field(ge=0, le=0o777)] = 0o444
    content: str

    @model_validator(mode="before")
    @classmethod
    def _from_neighbour(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict) or "from" not in value:
            return value
        others = {name: member for name, member in value.items() if name != "from"}
        if "content" in others:
            raise ValueError("has both `content` and `from`")
        return {**others, "content": _neighbour(value["from"], info.context)}


class Healthcheck(Table):
    """How an engine finds out whether the program still answers. Times are in seconds.

    Either `command` or `probe`, which is `tcp:PORT`, `tls:PORT` or `https:PORT/PATH` and needs no client in the image.
    Both run outside the enclave and see what the host sees: they must do without secrets.
    """

    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    probe: Annotated[str, matching(_PROBE, "`tcp:PORT`, `tls:PORT` or `https:PORT/PATH`")] | None = None
    interval: Annotated[int, Field(ge=1, le=3600)] = 10
    timeout: Annotated[int, Field(ge=1, le=3600)] = 5
    start_period: Annotated[int, Field(ge=1, le=3600)] = 30
    retries: Annotated[int, Field(ge=1, le=100)] = 3

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) == (self.probe is None):
            raise ValueError("needs one of `command` and `probe`")
        return self


class AllowedFile(Table):
    """A file of the host that the program may open although nobody checks it, and why that does no harm."""

    path: AbsolutePath
    reason: Annotated[str, Field(min_length=10)]


class Files(Table):
    """What is measured besides the program, its interpreter and its libraries; a directory means all below it.

    `modules` are patterns of shared objects that the program loads when it runs: each is measured with its libraries.
    """

    trusted: tuple[AbsolutePath, ...] = ()
    modules: tuple[AbsolutePath, ...] = ()
    allowed: tuple[AllowedFile, ...] = ()


class ProvisionedSecret(Table):
    """A secret for the key server to make."""

    name: str
    kind: Literal["password", "symmetric-key"]
    length: Annotated[int, Field(ge=1)] | None = None


class ProvisionedFile(Table):
    """A file that the key server sends; `content` may hold `{{ secret:NAME }}`."""

    path: AbsolutePath
    mode: Annotated[int, BeforeValidator(_octal), Field(ge=0, le=0o777)] = 0o400
    content: str


class CertificateNames(Table):
    """Names for the program's certificate."""

    dns: tuple[str, ...] = ()
    ip: tuple[IPv4Address | IPv6Address, ...] = ()


class Provision(Table):
    """What the key server holds for the program; apart from `secret`, the fields of a workload."""

    secret: tuple[ProvisionedSecret, ...] = ()
    fs_keys: dict[str, str] = Field(default_factory=dict)
    file: tuple[ProvisionedFile, ...] = ()
    env: dict[Variable, str] = Field(default_factory=dict)
    argv: tuple[str, ...] = ()
    certificate: CertificateNames = CertificateNames()

    def workload(self, *, name: str, policy: str) -> dict[str, Any]:
        """Give the key server's workload document (JSON values)."""
        return {"name": name, "policy": policy, **self.model_dump(mode="json", exclude={"secret"})}


class Recipe(Table):
    """A whole recipe."""

    version: Literal[1]
    name: Annotated[str, matching(WORKLOAD_NAME, "a name for a workload")]
    summary: Annotated[str, Field(min_length=1)]
    source: Source = Source()
    application: Application = Application()
    enclave: EnclaveSettings
    files: Files = Files()
    file: tuple[AddedFile, ...] = ()
    tmpfs: tuple[AbsolutePath, ...] = (places.RUNTIME_DIRECTORY,)
    volumes: tuple[AbsolutePath, ...] = ()
    encrypted: tuple[EncryptedMount, ...] = ()
    gramine: GramineSettings = GramineSettings()
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = ()
    healthcheck: Healthcheck | None = None
    provision: Provision = Provision()

    @model_validator(mode="after")
    def _keys(self) -> Self:
        wanted = {mount.key for mount in self.encrypted}
        if missing := sorted(wanted - self.provision.fs_keys.keys()):
            raise ValueError(f"has encrypted mounts for the key `{missing[0]}`, which `provision.fs_keys` lacks")
        if unused := sorted(self.provision.fs_keys.keys() - wanted):
            raise ValueError(f"has the key `{unused[0]}` in `provision.fs_keys`, and no encrypted mount for it")
        mounted = [f"{path.rstrip('/')}/" for path in (*self.tmpfs, *self.volumes, *(m.path for m in self.encrypted))]
        for mount in self.encrypted:
            own = f"{mount.path.rstrip('/')}/"
            if sum(place.startswith(own) or own.startswith(place) for place in mounted) > 1:
                raise ValueError(f"has the encrypted mount `{mount.path}`, which overlaps another mount")
        return self

    @property
    def kept(self) -> tuple[str, ...]:
        """All paths that outlive the container, encrypted or not."""
        return (*self.volumes, *(mount.path for mount in self.encrypted))

    @classmethod
    def parse(cls, raw: bytes, *, folder: Traversable | None = None) -> Self:
        """Read a recipe in TOML. `folder` holds the files that it takes with `from`.

        Raises:
            Malformed: not TOML, or not a recipe; all faults are named.
        """
        return read_model(cls, raw, what="recipe", context=folder)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a recipe from a file, with the files beside it.

        Raises:
            Malformed: not TOML, or not a recipe; all faults are named.
        """
        return cls.parse(path.read_bytes(), folder=path.parent)


def json_schema() -> str:
    """Give the recipe's JSON schema, as it stands in the documentation."""
    return json.dumps(Recipe.model_json_schema(), indent=2, sort_keys=True) + "\n"
