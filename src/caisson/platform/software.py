"""The whole software platform: a processor, its quoting enclave and its provisioning service."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from caisson.platform.architectural import generate_signing_key
from caisson.platform.certificates import ROOT_NAME
from caisson.platform.certification import CertificationEnclave
from caisson.platform.cpu import Cpu, Enclave
from caisson.platform.derivation import KEY_ID_SIZE, Fuses
from caisson.platform.machine import Machine
from caisson.platform.provisioning import Provisioning
from caisson.platform.quoting import QuotingEnclave
from caisson.platform.standing import Standing
from caisson.sgx import Attributes, Report, SigStruct


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What makes one software platform this one, and is kept when it is switched off."""

    fuses: Fuses
    provisioning: Provisioning
    signing_key: RSAPrivateKey
    created: datetime

    @classmethod
    def create(
        cls,
        *,
        now: datetime,
        machine: Machine | None = None,
        root_name: str = ROOT_NAME,
        signing_key: RSAPrivateKey | None = None,
    ) -> Self:
        """Make a new machine with its own root. `signing_key` signs its quoting enclave (RSA-3072, exponent 3)."""
        created = now.replace(microsecond=0)
        return cls(
            fuses=Fuses.of(os.urandom(Fuses.SIZE)),
            provisioning=Provisioning.create(
                machine=machine or Machine(ppid=os.urandom(16)), root_name=root_name, now=created
            ),
            signing_key=signing_key or generate_signing_key(),
            created=created,
        )


class SoftwarePlatform:
    """A switched-on software SGX platform. It computes what hardware would, and protects nothing."""

    def __init__(self, secrets: Secrets, standing: Standing | None = None) -> None:
        self._created = secrets.created
        self.standing = standing or Standing()
        self.provisioning = secrets.provisioning
        machine = self.provisioning.machine
        self.cpu = Cpu(fuses=secrets.fuses, cpu_svn=machine.cpu_svn, report_key_id=os.urandom(KEY_ID_SIZE))
        certification = CertificationEnclave(
            self.cpu, pce_svn=machine.pce_svn, pck=self.provisioning.pck.key, signing_key=secrets.signing_key
        )
        self.quoting_enclave = QuotingEnclave(
            self.cpu,
            certification=certification,
            pce_svn=machine.pce_svn,
            pck_chain=self.provisioning.pck_chain.encode() + b"\0",
            signing_key=secrets.signing_key,
        )

    @classmethod
    def create(
        cls,
        *,
        now: datetime,
        standing: Standing | None = None,
        machine: Machine | None = None,
        root_name: str = ROOT_NAME,
        signing_key: RSAPrivateKey | None = None,
    ) -> Self:
        """Make a new platform in memory, with a root that nobody knows yet.

        Making the key that signs the quoting enclave takes most of the time; tests that make many platforms
        may pass one of `generate_signing_key`.
        """
        return cls(Secrets.create(now=now, machine=machine, root_name=root_name, signing_key=signing_key), standing)

    @property
    def root_certificate(self) -> bytes:
        """The root in DER: what a policy must name to trust this platform."""
        return self.provisioning.root_certificate

    def launch(
        self, *, log: Iterable[bytes], sigstruct: SigStruct, attributes: Attributes, misc_select: int = 0
    ) -> Enclave:
        """Build and initialise an enclave.

        Raises:
            LaunchRejected: EINIT refuses; `code` says why.
        """
        return self.cpu.launch(attributes=attributes, misc_select=misc_select, log=log, sigstruct=sigstruct)

    def quote(self, report: Report) -> bytes:
        """Let the quoting enclave sign a REPORT that was made for it: a quote v3.

        Raises:
            PlatformRejected: the REPORT is for another enclave, from another processor, or was changed.
        """
        return self.quoting_enclave.quote(report).encode()

    def collateral(self, at: datetime | None = None) -> dict[str, str]:
        """Everything a verifier needs, issued `at` a time (by default when the platform was made).

        Chains are PEM; `root_ca_crl` and `pck_crl` hex of DER; `tcb_info` and `qe_identity` the exact signed text, and
        their signatures hex of r ‖ s. The same time gives the same bytes.
        """
        issued = (at or self._created).replace(microsecond=0)
        return self.provisioning.collateral(self.quoting_enclave.identity, self.standing, issued=issued)
