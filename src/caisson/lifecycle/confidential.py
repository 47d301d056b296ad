"""A confidential container, as the engine describes it and as the SIGSTRUCT in it names its enclave."""

from dataclasses import dataclass
from typing import Self

from caisson.conversion.places import DIRECT_ENTRYPOINT, PREMAIN, SGX_ENTRYPOINT
from caisson.deploy import BESIDE_LABEL
from caisson.enclave import verify_sigstruct
from caisson.engine import ContainerState
from caisson.errors import Rejected
from caisson.sgx import MrEnclave, MrSigner, SigStruct

_RUNTIMES = {(PREMAIN,): "native", SGX_ENTRYPOINT: "gramine", DIRECT_ENTRYPOINT: "gramine-direct"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEnclave:
    """The only enclave that a container's SIGSTRUCT lets be started, and whose it is."""

    mr_enclave: MrEnclave
    mr_signer: MrSigner
    isv_prod_id: int
    isv_svn: int
    debug: bool

    @classmethod
    def of(cls, raw: bytes | None) -> Self | None:
        """Read a SIGSTRUCT and check its signature; None if there is none, or one that does not hold."""
        try:
            sigstruct = SigStruct.parse(raw or b"")
            signer = verify_sigstruct(sigstruct)
        except Rejected:
            return None
        return cls(
            mr_enclave=sigstruct.mr_enclave,
            mr_signer=signer,
            isv_prod_id=sigstruct.isv_prod_id,
            isv_svn=sigstruct.isv_svn,
            debug=sigstruct.attributes.debug,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidential:
    """A container, its enclave, and the SHA-256 of the TLS key that its ports answer with, where somebody asked.

    `image_names` are what the engine calls its image now.
    """

    state: ContainerState
    enclave: SignedEnclave | None
    image_names: tuple[str, ...] = ()
    tls_key: str | None = None

    @property
    def name(self) -> str:
        """What the engine calls it."""
        return self.state.name

    @property
    def beside(self) -> str | None:
        """The container that it is there for, if it is there for another one."""
        return self.state.labels.get(BESIDE_LABEL)

    @property
    def workload(self) -> str:
        """The workload that premain activates as."""
        return self.state.environment.get("CAISSON_WORKLOAD", "")

    @property
    def key_server(self) -> str:
        """The address that premain asks."""
        return self.state.environment.get("CAISSON_KEY_SERVER", "")

    @property
    def runtime(self) -> str | None:
        """What starts the program; None if the container starts something else than its image."""
        return _RUNTIMES.get(self.state.entrypoint)
