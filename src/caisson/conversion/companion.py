"""The recipe of a program that comes up beside another one."""

import re
from collections.abc import Mapping

from caisson.conversion.recipe import Recipe
from caisson.conversion.recipe_beside import Beside
from caisson.conversion.recipe_provision import Provision, ProvisionedFile
from caisson.errors import UsageError

_SECRET = re.compile(r"(?<=\{\{)( *secret:)([^ |}]+)")


def companion(recipe: Recipe, wanted: Beside, base: Recipe) -> Recipe:
    """Give the recipe of what `recipe` wants beside it; `base` is that of the catalog's entry.

    It is a workload of its own, `NAME-ENTRY`, and no other certificate has that name. Its secrets are its own, too:
    `NAME-` stands before theirs. Files that are wanted besides may hold secrets of `recipe`.

    Raises:
        UsageError: the entry wants something beside it itself.
    """
    if base.beside:
        raise UsageError(
            f"`{base.name}` wants `{base.beside[0].entry}` beside it, and cannot stand beside `{recipe.name}` itself",
            hint="take an entry that needs no other",
        )
    name, provision = f"{recipe.name}-{wanted.entry}", base.provision
    own = {secret.name: f"{recipe.name}-{secret.name}" for secret in provision.secret}
    shared = {found[2] for file in wanted.file for found in _SECRET.finditer(file.content)}
    return base.model_copy(
        update={
            "name": name,
            "provision": Provision(
                secret=(
                    *(secret.model_copy(update={"name": own[secret.name]}) for secret in provision.secret),
                    *(secret for secret in recipe.provision.secret if secret.name in shared),
                ),
                fs_keys={key: own.get(secret, secret) for key, secret in provision.fs_keys.items()},
                file=(*(_renamed(file, own) for file in provision.file), *wanted.file),
                env={variable: _with_names(text, own) for variable, text in provision.env.items()},
                argv=provision.argv,
                certificate=provision.certificate.model_copy(
                    update={
                        "dns": (*(dns for dns in provision.certificate.dns if dns != base.name), name),
                        "lifetime_hours": recipe.provision.certificate.lifetime_hours,
                    }
                ),
            ),
        }
    )


def _renamed(file: ProvisionedFile, names: Mapping[str, str]) -> ProvisionedFile:
    return file.model_copy(update={"content": _with_names(file.content, names)})


def _with_names(text: str, names: Mapping[str, str]) -> str:
    return _SECRET.sub(lambda found: found[1] + names.get(found[2], found[2]), text)
