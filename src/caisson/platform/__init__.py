"""The software SGX platform: the same bytes and the same refusals as hardware, and no protection at all."""

from caisson.platform.architectural import generate_signing_key, sign_enclave
from caisson.platform.certificates import ROOT_NAME
from caisson.platform.cpu import Cpu, Enclave, measure
from caisson.platform.machine import Machine, PckCa
from caisson.platform.provisioning import Provisioning
from caisson.platform.quoting import QuotingEnclave
from caisson.platform.software import Secrets, SoftwarePlatform
from caisson.platform.standing import Revocable, Standing, TcbStatus

__all__ = [
    "ROOT_NAME",
    "Cpu",
    "Enclave",
    "Machine",
    "PckCa",
    "Provisioning",
    "QuotingEnclave",
    "Revocable",
    "Secrets",
    "SoftwarePlatform",
    "Standing",
    "TcbStatus",
    "generate_signing_key",
    "measure",
    "sign_enclave",
]
