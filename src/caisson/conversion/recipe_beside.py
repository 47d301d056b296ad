"""Which programs a recipe wants to have beside its own."""

from typing import Annotated

from caisson.conversion.recipe_provision import ProvisionedFile
from caisson.conversion.recipe_values import Table, matching
from caisson.protocol import WORKLOAD_NAME


class Beside(Table):
    """An entry of the catalog, as a workload of its own; `file` is what the key server sends there besides."""

    entry: Annotated[str, matching(WORKLOAD_NAME, "a name for an entry of the catalog")]
    file: tuple[ProvisionedFile, ...] = ()
