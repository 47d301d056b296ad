"""Files of the program that only the enclave reads: encrypted when the image is built, decrypted into its memory."""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, model_validator

from caisson.conversion.recipe_values import NEIGHBOUR, AbsolutePath, KeyName, Table, added


class EncryptedFile(Table):
    """A file, or a directory with all that lies below it. `path` is where the program finds it, in a `tmpfs`.

    `from` names it beside the recipe; without, the image has it at `path`, and loses it there. `key` is one of
    `provision.fs_keys`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "properties": {
                "path": {"type": "string"},
                "key": {"type": "string"},
                "from": {"type": "string", "pattern": NEIGHBOUR.pattern},
            },
            "required": ["path", "key"],
        }
    )

    path: Annotated[AbsolutePath, AfterValidator(added)]
    key: KeyName
    origin: Annotated[Path | None, Field(repr=False)] = None

    @model_validator(mode="before")
    @classmethod
    def _beside(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict) or "origin" in value or "from" not in value:
            return value
        name = value["from"]
        if not isinstance(info.context, Path):
            raise ValueError("names a file beside the recipe, which was not read out of a folder")  # noqa: TRY004
        if not isinstance(name, str) or NEIGHBOUR.fullmatch(name) is None or not (info.context / name).exists():
            raise ValueError(f"names {str(name)[:80]!r}, which does not lie beside the recipe")
        return {**{key: member for key, member in value.items() if key != "from"}, "origin": info.context / name}


def require_in_memory(files: Iterable[EncryptedFile], tmpfs: Iterable[str]) -> None:
    """Require that each lies at or below a tmpfs, and none in another one.

    Raises:
        ValueError: as pydantic's validators do.
    """
    memory = tuple(f"{path.rstrip('/')}/" for path in tmpfs)
    places = [f"{file.path}/" for file in files]
    for place in places:
        if not place.startswith(memory):
            raise ValueError(f"has the encrypted file `{place[:-1]}`, which lies in no `tmpfs`")
    for one, other in combinations(places, 2):
        if one.startswith(other) or other.startswith(one):
            raise ValueError(f"has the encrypted files `{one[:-1]}` and `{other[:-1]}`, of which one holds the other")
