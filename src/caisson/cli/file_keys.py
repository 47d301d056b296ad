"""Keys of encrypted files: in files that their owner alone can read, or on the key server, which makes them.

What belongs to the key server is imported where it is used: most recipes have no such keys, and its database takes
longer to import than an image takes to be built.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caisson.conversion import Recipe
from caisson.enclave.protected_files import FileKey
from caisson.errors import UsageError

if TYPE_CHECKING:
    from caisson.keyserver import KeyServerClient

_KEY_BYTES = 16

Connect = Callable[[], AbstractContextManager["KeyServerClient"]]


class NamedFileType(click.ParamType[tuple[str, Path]]):
    """`NAME=FILE`."""

    name = "NAME=FILE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Path]:
        """Read one."""
        name, separator, path = str(value).partition("=")
        if not (name and separator and path):
            self.fail(f"`{value}` is not {self.name}", param, ctx)
        return name, Path(path)


file_key_option = click.option(
    "--file-key",
    "file_keys",
    type=NamedFileType(),
    multiple=True,
    help="Key of encrypted files: 16 raw bytes in FILE; may be repeated.  [default: on the key server]",
)


def given_file_keys(recipe: Recipe, given: tuple[tuple[str, Path], ...]) -> dict[str, FileKey]:
    """Read the keys that were given as files.

    Raises:
        UsageError: a key that the recipe does not know, or a file that others can read, or that is no key.
    """
    if unknown := sorted({name for name, _ in given} - recipe.file_keys.keys()):
        raise UsageError(f"the recipe has no encrypted files under the key `{unknown[0]}`")
    if not given:
        return {}
    from caisson.keyserver import read_private  # noqa: PLC0415

    return {name: FileKey(read_private(path, what=f"key `{name}`").reveal()) for name, path in given}


def file_keys_of(recipe: Recipe, given: tuple[tuple[str, Path], ...], connect: Connect) -> dict[str, FileKey]:
    """Give all keys of a recipe's encrypted files. What was not given the key server has, or makes now.

    It stays there: nothing is written, and the server's audit log says that it was shown.

    Raises:
        UsageError: see `given_file_keys`; or no key server was named.
        Unavailable: the key server does not answer.
    """
    keys = given_file_keys(recipe, given)
    wanted = {name: secret for name, secret in recipe.file_keys.items() if name not in keys}
    if wanted:
        from caisson.keyserver import Generation, SecretKind  # noqa: PLC0415

        generation = Generation(kind=SecretKind.SYMMETRIC_KEY, length=_KEY_BYTES)
        with connect() as server:
            for name, secret in wanted.items():
                server.generate_secret(secret, generation, if_absent=True)
                keys[name] = FileKey(server.reveal_secret(secret).reveal())
    return keys
