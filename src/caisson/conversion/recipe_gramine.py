"""What a recipe says to the library OS; the native runtime has none and passes over it."""

from typing import Annotated, Literal

from pydantic import Field

from caisson.conversion.recipe_values import SIZE, AbsolutePath, KeyName, Table, matching

Choice = Literal["unspecified", "disabled", "required"]
FixedChoice = Literal["disabled", "required"]
Size = Annotated[str, matching(SIZE, "a size such as `256K`")]


class CpuFeatureSettings(Table):
    """Features of the processor: left to the machine, kept out of the enclave, or demanded."""

    avx: Choice = "unspecified"
    avx512: Choice = "unspecified"
    amx: Choice = "unspecified"
    mpx: FixedChoice = "disabled"
    pkru: FixedChoice = "disabled"


class EncryptedMount(Table):
    """A directory that outlives the container and that the host cannot read; `key` is one of `provision.fs_keys`."""

    path: AbsolutePath
    key: KeyName


class GramineSettings(Table):
    """What the library OS offers. Defaults are the strict ones. `unsupported` says why the program cannot run there."""

    unsupported: Annotated[str, Field(min_length=10)] | None = None
    stack_size: Size = "256K"
    brk_size: Size = "256K"
    max_files: Annotated[int, Field(ge=16, le=1 << 20)] = 900
    subprocesses: bool = False
    sigterm: bool = False
    domain_names: bool = True
    flock: bool = False
    insecure_eventfd: bool = False
