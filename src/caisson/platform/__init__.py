"""The software SGX platform: the same bytes and the same refusals as hardware, and no protection at all."""

from caisson.platform.architectural import generate_signing_key, sign_enclave
from caisson.platform.certificates import ROOT_NAME
from caisson.platform.connection import Limits
from caisson.platform.cpu import Cpu, Enclave, measure
from caisson.platform.guest import GuestEnclave
from caisson.platform.loader import Loader
from caisson.platform.machine import Machine, PckCa
from caisson.platform.pcs import PcsServer, pcs_application
from caisson.platform.provisioning import Provisioning
from caisson.platform.quoting import QuotingEnclave
from caisson.platform.server import PlatformServer
from caisson.platform.software import Secrets, SoftwarePlatform
from caisson.platform.standing import Revocable, Standing, TcbStatus
from caisson.platform.state import open_state, read_state

__all__ = [
    "ROOT_NAME",
    "Cpu",
    "Enclave",
    "GuestEnclave",
    "Limits",
    "Loader",
    "Machine",
    "PckCa",
    "PcsServer",
    "PlatformServer",
    "Provisioning",
    "QuotingEnclave",
    "Revocable",
    "Secrets",
    "SoftwarePlatform",
    "Standing",
    "TcbStatus",
    "generate_signing_key",
    "measure",
    "open_state",
    "pcs_application",
    "read_state",
    "sign_enclave",
]
