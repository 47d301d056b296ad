"""What is built with and run: programs, runtimes, the author's key, an image."""

from typing import Literal

from caisson.doctor.readings.vocabulary import Count, Register, Register64, Text, Texts, reading

Setting = Literal["unspecified", "disabled", "required"]


@reading
class Workshop:
    """What building needs: programs of ours that this installation lacks, and the Gramine releases that were added."""

    missing: Texts
    runtimes: Texts


@reading
class KeyFile:
    """The file with the author's key, never what is in it. `problem`: why it cannot be read as a key.

    An encrypted key does not say what kind it is: then `bits` and `exponent` are None, as they are for a file that is
    not there.
    """

    path: Text
    exists: bool
    mode: Register = 0
    owned: bool = True
    encrypted: bool = False
    bits: Count | None = None
    exponent: Count | None = None
    problem: Text | None = None


@reading
class Image:
    """What an image asks of a machine, by its manifest. `problem`: why it is no confidential image.

    `xfrm` and `misc_select` are the bits that the enclave must have (SDM vol. 3D, 37.7).
    """

    reference: Text
    problem: Text | None = None
    runtime: Text = ""
    signed: bool = False
    debug: bool = False
    enclave_size: Count = 0
    dynamic_memory: bool = False
    xfrm: Register64 = 0
    misc_select: Register = 0
