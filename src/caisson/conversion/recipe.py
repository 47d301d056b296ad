"""The recipe, `caisson.toml`: how a program becomes a confidential container (docs/reference/recipe.md)."""

import json
import re
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from caisson.conversion import places
from caisson.conversion.recipe_beside import Beside
from caisson.conversion.recipe_encrypted import EncryptedFile, require_in_memory
from caisson.conversion.recipe_gramine import CpuFeatureSettings, EncryptedMount, GramineSettings
from caisson.conversion.recipe_program import Application, Files, Healthcheck
from caisson.conversion.recipe_provision import Provision
from caisson.conversion.recipe_source import Source, Upstream
from caisson.conversion.recipe_values import (
    NEIGHBOUR,
    SIZE,
    AbsolutePath,
    Table,
    added,
    matching,
    neighbour,
    octal,
    power_of_two,
)
from caisson.conversion.toml_model import read_model
from caisson.errors import UsageError
from caisson.protocol import WORKLOAD_NAME

_Table = TypeVar("_Table", bound=Table)


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
                "from": {"type": "string", "pattern": NEIGHBOUR.pattern},
            },
            "required": ["path"],
            "oneOf": [{"required": ["content"]}, {"required": ["from"]}],
        }
    )

    path: Annotated[AbsolutePath, AfterValidator(added)]
    mode: Annotated[int, BeforeValidator(octal), Field(ge=0, le=0o777)] = 0o444
    content: str

    @model_validator(mode="before")
    @classmethod
    def _from_neighbour(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict) or "from" not in value:
            return value
        others = {name: member for name, member in value.items() if name != "from"}
        if "content" in others:
            raise ValueError("has both `content` and `from`")
        return {**others, "content": neighbour(value["from"], info.context)}


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
    encrypted_file: tuple[EncryptedFile, ...] = ()
    gramine: GramineSettings = GramineSettings()
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = ()
    healthcheck: Healthcheck | None = None
    provision: Provision = Provision()
    beside: tuple[Beside, ...] = ()

    @model_validator(mode="after")
    def _keys(self) -> Self:
        mounts, files = ({each.key for each in kind} for kind in (self.encrypted, self.encrypted_file))
        if missing := sorted((mounts | files) - self.provision.fs_keys.keys()):
            raise ValueError(f"encrypts under the key `{missing[0]}`, which `provision.fs_keys` lacks")
        if unused := sorted(self.provision.fs_keys.keys() - mounts - files):
            raise ValueError(f"has the key `{unused[0]}` in `provision.fs_keys`, and encrypts nothing under it")
        if both := sorted(mounts & files):
            raise ValueError(f"has the key `{both[0]}` for a mount and for files: each needs one of its own")
        require_in_memory(self.encrypted_file, self.tmpfs)
        mounted = [f"{path.rstrip('/')}/" for path in (*self.tmpfs, *self.volumes, *(m.path for m in self.encrypted))]
        for mount in self.encrypted:
            own = f"{mount.path.rstrip('/')}/"
            if sum(place.startswith(own) or own.startswith(place) for place in mounted) > 1:
                raise ValueError(f"has the encrypted mount `{mount.path}`, which overlaps another mount")
        return self

    @model_validator(mode="after")
    def _companions(self) -> Self:
        entries = [one.entry for one in self.beside]
        if len(set(entries)) != len(entries):
            raise ValueError("has the same program beside it twice")
        for entry in entries:
            if WORKLOAD_NAME.fullmatch(f"{self.name}-{entry}") is None:
                raise ValueError(f"has `{entry}` beside it, and `{self.name}-{entry}` is no name for a workload")
        return self

    @property
    def file_keys(self) -> dict[str, str]:
        """Give the secret for each key of encrypted files, by the key's name."""
        return {file.key: self.provision.fs_keys[file.key] for file in self.encrypted_file}

    @property
    def kept(self) -> tuple[str, ...]:
        """All paths that outlive the container, encrypted or not."""
        return (*self.volumes, *(mount.path for mount in self.encrypted))

    def taken_from(self, *, upstream: bool) -> Self:
        """Give the recipe for one of its sources: the upstream image, or else Debian's packages where it names any.

        Raises:
            UsageError: there is no upstream image.
        """
        image, debian = self.source.image, self.source.debian
        if image is None and upstream:
            raise UsageError(f"the recipe `{self.name}` names no upstream image", hint="add `[source.image]` to it")
        if image is None:
            return self
        if debian is not None and not upstream:
            return self.model_copy(update={"source": self.source.model_copy(update={"image": None})})
        return self.model_copy(
            update={
                "source": Source(image=Upstream(reference=image.reference)),
                "application": _changed(self.application, image.application),
                "files": _changed(self.files, image.files),
                "healthcheck": image.healthcheck or self.healthcheck,
            }
        )

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


def _changed(own: _Table, different: _Table | None) -> _Table:
    """Give a table with the keys that another one sets."""
    if different is None:
        return own
    return own.model_copy(update={name: getattr(different, name) for name in different.model_fields_set})


def json_schema() -> str:
    """Give the recipe's JSON schema, as it stands in the documentation."""
    return json.dumps(Recipe.model_json_schema(), indent=2, sort_keys=True) + "\n"
