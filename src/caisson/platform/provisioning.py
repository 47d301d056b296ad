"""The provisioning service: it certifies one machine and says, signed and dated, what that machine is worth."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography.hazmat.primitives.serialization import Encoding

from caisson.platform.certificates import Credential
from caisson.platform.collateral import qe_identity, tcb_info
from caisson.platform.machine import Machine
from caisson.platform.signing import sign_p256
from caisson.platform.standing import Revocable, Standing
from caisson.sgx import ReportBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioning:
    """Root, intermediate authority, signer of collateral, and the PCK of the one machine they are there for."""

    machine: Machine
    root: Credential
    pck_ca: Credential
    tcb_signer: Credential
    pck: Credential

    @classmethod
    def create(cls, *, machine: Machine, root_name: str, now: datetime) -> Self:
        """Make all keys and certificates anew; they are valid from a day before `now`."""
        root = Credential.root(name=root_name, now=now)
        pck_ca = root.authority(name=f"Caisson Software SGX PCK {machine.ca.value.capitalize()} CA", now=now)
        return cls(
            machine=machine,
            root=root,
            pck_ca=pck_ca,
            tcb_signer=root.signer(name="Caisson Software SGX TCB Signing", now=now),
            pck=pck_ca.pck(machine=machine, now=now),
        )

    @property
    def root_certificate(self) -> bytes:
        """The root in DER."""
        return self.root.certificate.public_bytes(Encoding.DER)

    @property
    def pck_chain(self) -> str:
        """The PEM chain of a quote: PCK, its authority, the root."""
        return self.pck.pem + self.pck_crl_chain

    @property
    def pck_crl_chain(self) -> str:
        """The PEM chain of the PCK authority: itself and the root."""
        return self.pck_ca.pem + self.root.pem

    @property
    def signer_chain(self) -> str:
        """The PEM chain of TCB info and QE identity: their signer and the root."""
        return self.tcb_signer.pem + self.root.pem

    def sign_document(self, text: str) -> str:
        """Sign a TCB info or QE identity: r ‖ s in hex."""
        return sign_p256(self.tcb_signer.key, text.encode()).hex()

    def root_crl(self, standing: Standing, *, issued: datetime) -> bytes:
        """The root's revocation list in DER."""
        named = {Revocable.PCK_CA: self.pck_ca, Revocable.TCB_SIGNER: self.tcb_signer}
        return self._crl(self.root, named, standing, issued)

    def pck_crl(self, standing: Standing, *, issued: datetime) -> bytes:
        """The PCK authority's revocation list in DER."""
        return self._crl(self.pck_ca, {Revocable.PCK: self.pck}, standing, issued)

    def collateral(self, qe: ReportBody, standing: Standing, *, issued: datetime) -> dict[str, str]:
        """Everything a verifier needs, as `SoftwarePlatform.collateral` describes it."""
        tcb = tcb_info(self.machine, standing, issued=issued)
        identity = qe_identity(qe, standing, issued=issued)
        return {
            "pck_crl_issuer_chain": self.pck_crl_chain,
            "root_ca_crl": self.root_crl(standing, issued=issued).hex(),
            "pck_crl": self.pck_crl(standing, issued=issued).hex(),
            "tcb_info_issuer_chain": self.signer_chain,
            "tcb_info": tcb,
            "tcb_info_signature": self.sign_document(tcb),
            "qe_identity_issuer_chain": self.signer_chain,
            "qe_identity": identity,
            "qe_identity_signature": self.sign_document(identity),
            "pck_certificate_chain": self.pck_chain,
        }

    @staticmethod
    def _crl(issuer: Credential, named: dict[Revocable, Credential], standing: Standing, issued: datetime) -> bytes:
        revoked = [credential.certificate for what, credential in named.items() if what in standing.revoked]
        return issuer.revocation_list(revoked, issued=issued, next_update=issued + standing.lifetime)
