"""`oci:` - a directory in OCI's image layout (OCI image-spec, image-layout.md)."""

from dataclasses import dataclass
from pathlib import Path

from caisson.oci.image import Image
from caisson.oci.places import contents
from caisson.oci.places.layout_store import LayoutStore


@dataclass(frozen=True, slots=True)
class Layout:
    """One image of a layout, by its tag; without a tag, the only one."""

    directory: Path
    tag: str = ""

    def read(self, *, scratch: Path) -> Image:
        """Read the image; see `Source`. Layers stay where they are and are checked when they are read."""
        store = LayoutStore(self.directory)
        return contents.read_tagged(store.index(), self.tag, store.region, scratch=scratch)

    def write(self, image: Image, *, overwrite: bool = False) -> None:
        """Add the image; see `Sink`. Other images of the layout stay."""
        store = LayoutStore(self.directory)
        with store.made(), store.locked():
            index = contents.add_tagged(store.index(), image, self.tag, overwrite=overwrite)
            for layer in contents.layers(image):
                store.put_layer(layer)
            for descriptor, reopen in contents.documents(image):
                store.put_blob(descriptor, reopen)
            store.write_index(index)
