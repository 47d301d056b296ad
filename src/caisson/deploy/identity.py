"""What evidence says of an image's enclave, as far as policies and sealed data go by it."""

from dataclasses import dataclass

from caisson.deploy.image import MeasuredImage
from caisson.enclave import Manifest
from caisson.sgx import MrEnclave, MrSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclaveIdentity:
    """One release of a program: its enclave, and the measured manifest that it comes from."""

    image: MeasuredImage
    manifest: Manifest
    mr_enclave: MrEnclave
    mr_signer: MrSigner

    @property
    def isv_prod_id(self) -> int:
        """The product, which the enclave's SIGSTRUCT has from the manifest."""
        return self.manifest.sgx.isvprodid

    @property
    def isv_svn(self) -> int:
        """The security version."""
        return self.manifest.sgx.isvsvn

    @property
    def debug(self) -> bool:
        """Whether debuggers may look into it."""
        return self.manifest.sgx.debug
