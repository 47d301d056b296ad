"""What every place offers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from caisson.errors import ImageRejected, Malformed
from caisson.oci.image import Image
from caisson.oci.validate import check


class Source(Protocol):
    """A place that an image can be read from."""

    def read(self, *, scratch: Path) -> Image:
        """Give the image. `scratch` is a directory for what must be unpacked; the image lives as long as it.

        Raises:
            UsageError: there is no such image.
            ImageRejected: it is not what it claims to be.
            Malformed: a document of it is not what it should be.
            Unavailable: the place does not answer.
        """


class Sink(Protocol):
    """A place that an image can be written to."""

    def write(self, image: Image, *, overwrite: bool = False) -> None:
        """Store the image, all or nothing. To write what is there already is no overwriting.

        Raises:
            UsageError: something else is there, and `overwrite` is not set.
            ImageRejected: it is not what it claims to be.
            Unavailable: the place does not answer.
        """


@dataclass(frozen=True, slots=True)
class NamingSource:
    """A place that says of which image it is that something is not as it should be."""

    inner: Source
    name: str

    def read(self, *, scratch: Path) -> Image:
        """Read the image; see `Source`."""
        try:
            return self.inner.read(scratch=scratch)
        except ImageRejected as error:
            raise ImageRejected(f"`{self.name}`: {error.message}", hint=error.hint) from error
        except Malformed as error:
            raise Malformed(f"`{self.name}`: {error.message}", hint=error.hint) from error


@dataclass(frozen=True, slots=True)
class CheckingSink:
    """A place that takes no image which contradicts itself, whatever was done to it before."""

    inner: Sink

    def write(self, image: Image, *, overwrite: bool = False) -> None:
        """Check the image and store it; see `Sink`."""
        check(image)
        self.inner.write(image, overwrite=overwrite)
